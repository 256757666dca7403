#!/usr/bin/env bash
# Mutates 20,000 models and loads each in a host that verifies them in a child process: the host must survive all. --short is the form of CI; --seed N draws others,
# --cases FOLDER adds models of your own. Exit code 0: it did; 1: it did not; 3: it could not be tried.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/attack.sh" mutations "$@"
