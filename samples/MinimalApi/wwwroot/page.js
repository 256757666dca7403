// Draws, makes of the drawing what the model was trained on, asks the service while the drawing grows, and shows the answer.

const byId = id => document.getElementById(id);
const paper = byId('paper'), answer = byId('answer'), clear = byId('clear'), seen = byId('seen').getContext('2d');
const penWidth = 1 / 13;                          // of the paper's side

// ---- The drawing: strokes of points from 0 to 1, so that it is the same on every screen.

const strokes = [];
const drawn = new Map();                          // the stroke under way of each pointer
const pen = { x: 0.5, y: 0.2, isDown: false, isShown: false };
let repaintPending = false;

function begin(x, y) {
  const stroke = [{ x, y }];
  strokes.push(stroke);
  changed();
  return stroke;
}

function extend(stroke, x, y) {
  stroke.push({ x, y });
  changed();
}

function wipe() {
  strokes.length = 0;
  drawn.clear();
  pen.isDown = false;
  changed();
}

function changed() {
  document.body.classList.toggle('drawn', strokes.length > 0);
  clear.disabled = strokes.length === 0;
  repaint();
  ask();
}

function repaint() {
  if (repaintPending) return;
  repaintPending = true;
  requestAnimationFrame(() => {
    repaintPending = false;
    const side = Math.round(paper.clientWidth * devicePixelRatio);
    if (paper.width !== side || paper.height !== side) paper.width = paper.height = side;
    const context = paper.getContext('2d');
    context.clearRect(0, 0, side, side);
    trace(context, getComputedStyle(paper).color, side * penWidth, p => [p.x * side, p.y * side]);
    if (pen.isShown) {
      context.strokeStyle = context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--accent');
      context.lineWidth = Math.max(2, side / 120);
      context.beginPath();
      context.arc(pen.x * side, pen.y * side, side * penWidth * 0.75, 0, 2 * Math.PI);
      context.stroke();
      if (pen.isDown) {
        context.beginPath();
        context.arc(pen.x * side, pen.y * side, side * penWidth * 0.25, 0, 2 * Math.PI);
        context.fill();
      }
    }
  });
}

function trace(context, color, width, place) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineCap = context.lineJoin = 'round';
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(...place(stroke[0]));
    for (const point of stroke) context.lineTo(...place(point));
    context.stroke();
  }
}

// ---- What the model sees. MNIST's digits fill a box of 20 x 20 pixels, and their centre of mass lies in the middle of 28 x 28.

const modelSide = 28, modelBox = 20, modelPen = 2.4, parts = 8;
const fine = new OffscreenCanvas(modelSide * parts, modelSide * parts).getContext('2d', { willReadFrequently: true });

function toPixels() {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (const point of strokes.flat()) {
    left = Math.min(left, point.x);
    right = Math.max(right, point.x);
    top = Math.min(top, point.y);
    bottom = Math.max(bottom, point.y);
  }
  const scale = (modelBox - modelPen) / Math.max(right - left, bottom - top, 0.1);    // a dot stays a dot
  const x = modelSide / 2 - scale * (left + right) / 2;
  const y = modelSide / 2 - scale * (top + bottom) / 2;
  const mass = centreOf(rasterize(scale, x, y));
  return rasterize(scale, x + modelSide / 2 - mass.x, y + modelSide / 2 - mass.y);
}

function rasterize(scale, x, y) {
  fine.clearRect(0, 0, modelSide * parts, modelSide * parts);
  trace(fine, '#000', modelPen * parts, p => [(p.x * scale + x) * parts, (p.y * scale + y) * parts]);
  const { data } = fine.getImageData(0, 0, modelSide * parts, modelSide * parts);
  const sums = new Float64Array(modelSide * modelSide);
  for (let i = 3, pixel = 0; i < data.length; i += 4, pixel++) {
    const row = Math.floor(pixel / (modelSide * parts * parts)), column = Math.floor(pixel % (modelSide * parts) / parts);
    sums[row * modelSide + column] += data[i];
  }
  return Array.from(sums, sum => Math.round(1000 * sum / (255 * parts * parts)) / 1000);
}

function centreOf(pixels) {
  let total = 0, x = 0, y = 0;
  pixels.forEach((ink, i) => {
    total += ink;
    x += ink * (i % modelSide + 0.5);
    y += ink * (Math.floor(i / modelSide) + 0.5);
  });
  return { x: x / total, y: y / total };
}

function showSeen(pixels) {
  const image = seen.createImageData(modelSide, modelSide);
  for (let i = 0; i < modelSide * modelSide; i++) {
    const grey = pixels ? 255 * pixels[i] : 0;
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  seen.putImageData(image, 0, 0);
}

// ---- Asking: one request at a time, and always for the newest drawing.

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const shortestPause = 40;
let version = 0, isAsking = false, retry = 0;

async function ask() {
  version++;
  clearTimeout(retry);
  if (strokes.length === 0) return showNothing();
  answer.dataset.state = answer.dataset.state === 'refused' ? 'refused' : 'asking';
  if (isAsking) return;
  isAsking = true;
  for (let asked = 0; asked !== version && strokes.length > 0;) {
    asked = version;
    const outcome = await askOnce();
    if (asked === version) outcome();
    else if (strokes.length > 0) outcome(true);
    await pause(shortestPause);
  }
  isAsking = false;
}

async function askOnce() {
  const pixels = toPixels();
  showSeen(pixels);
  const started = performance.now();
  try {
    const response = await fetch('digits', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(pixels),
      signal: AbortSignal.timeout(5000),
    });
    if (response.ok) {
      const reading = await response.json();
      const elapsed = performance.now() - started;
      return isInterim => showAnswer(reading, elapsed, isInterim);
    }
    const problem = await response.json().catch(() => ({}));
    const wait = Number(response.headers.get('Retry-After')) || 2;
    return () => showProblem(
      response.status === 429 || response.status === 503 ? 'The service is busy' : 'The service refused',
      problem.detail ?? problem.title ?? `It answered with status ${response.status}.`,
      response.status >= 500 || response.status === 429 ? wait : 0);
  } catch (error) {
    const detail = error.name === 'TimeoutError' ? 'It took longer than 5 seconds to answer.' : 'Is it still running?';
    return () => showProblem('The service cannot be reached', detail, 2);
  }
}

// ---- Showing.

const percent = new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const bars = Array.from({ length: 10 }, (_, digit) => {
  const row = document.createElement('li');
  const part = name => {
    const element = document.createElement('span');
    element.className = name;
    return element;
  };
  const [name, track, fill, share] = ['name', 'track', 'fill', 'share'].map(part);
  name.textContent = digit;
  track.setAttribute('role', 'meter');
  track.setAttribute('aria-label', digit);
  track.setAttribute('aria-valuemin', 0);
  track.setAttribute('aria-valuemax', 100);
  name.setAttribute('aria-hidden', true);
  share.setAttribute('aria-hidden', true);
  track.append(fill);
  row.append(name, track, share);
  byId('bars').append(row);
  return { row, track, fill, share };
});

function showBars(scores, best) {
  bars.forEach(({ row, track, fill, share }, digit) => {
    const score = scores ? scores[digit] : 0;
    const text = scores ? percent.format(score) : '–';
    row.classList.toggle('best', digit === best);
    fill.style.transform = `translateX(${100 * score - 100}%)`;
    share.textContent = text;
    track.setAttribute('aria-valuenow', Math.round(100 * score));
    track.setAttribute('aria-valuetext', scores ? text : 'nothing drawn');
  });
}

function show(state, digit, verdict, detail) {
  answer.dataset.state = state;
  byId('digit').textContent = digit;
  byId('verdict').textContent = verdict;
  byId('detail').textContent = detail;
}

function showOrigin(...parts) {
  byId('origin').replaceChildren(...parts.map(part => Object.assign(document.createElement('span'), { textContent: part })));
}

function showNothing() {
  show('idle', '?', 'Nothing yet', 'Draw a stroke.');
  showOrigin('28 × 28 pixels in, ten scores out');
  showBars(null, -1);
  showSeen(null);
  say('');
}

function showAnswer(reading, elapsed, isInterim) {
  const { digit, confidence, scores, model, version, source, milliseconds } = reading;
  const name = `${digit === 8 ? 'an' : 'a'} ${digit}`;
  const verdict = confidence >= 0.9 ? `It is ${name}` : confidence >= 0.5 ? `Probably ${name}` : `Perhaps ${name}`;
  const detail = `${percent.format(confidence)} sure`;
  show(isInterim ? 'asking' : 'answered', digit, verdict, detail);
  showOrigin(
    `${model} v${version}${source === 'Model' ? '' : `, ${source}`}`,
    `${milliseconds.toFixed(2)} ms to predict`,
    `${Math.round(elapsed)} ms in all`);
  showBars(scores, digit);
  if (!isInterim) say(`${verdict}, ${detail}.`);
}

function showProblem(verdict, detail, retrySeconds) {
  show('refused', '!', verdict, detail);
  showOrigin(retrySeconds ? `Trying again in ${retrySeconds} s` : 'Draw on to try again');
  showBars(null, -1);
  say(`${verdict}. ${detail}`);
  if (retrySeconds) retry = setTimeout(ask, 1000 * retrySeconds);
}

// A screen reader hears the answer when the drawing rests, not at each of its points.
let speech = 0;
function say(text) {
  clearTimeout(speech);
  speech = setTimeout(() => { byId('spoken').textContent = text; }, 600);
}

// ---- Mouse, finger, pen.

function placeOf(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

paper.addEventListener('pointerdown', event => {
  if (event.button !== 0) return;
  event.preventDefault();
  paper.setPointerCapture(event.pointerId);
  pen.isShown = pen.isDown = false;
  drawn.set(event.pointerId, begin(...placeOf(event)));
});

paper.addEventListener('pointermove', event => {
  const stroke = drawn.get(event.pointerId);
  if (!stroke) return;
  const points = event.getCoalescedEvents?.() ?? [];
  for (const point of points.length > 0 ? points : [event]) extend(stroke, ...placeOf(point));
});

for (const type of ['pointerup', 'pointercancel']) paper.addEventListener(type, event => drawn.delete(event.pointerId));

// ---- Keys.

const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const held = new Set();
let keyStroke = null;

paper.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (moves[event.key]) {
    held.add(event.key);
    const step = event.shiftKey ? 1 / 112 : 1 / 28;
    for (const key of held) {                     // two arrows at once draw a slanted line
      pen.x = Math.min(1, Math.max(0, pen.x + step * moves[key][0]));
      pen.y = Math.min(1, Math.max(0, pen.y + step * moves[key][1]));
    }
    if (pen.isDown) extend(keyStroke, pen.x, pen.y);
  } else if (event.key === ' ') {
    pen.isDown = !pen.isDown;
    if (pen.isDown) keyStroke = begin(pen.x, pen.y);
    byId('spoken').textContent = pen.isDown ? 'Pen down' : 'Pen up';
  } else if (event.key === 'Delete' || event.key === 'Backspace') {
    wipe();
    byId('spoken').textContent = 'Cleared';
  } else {
    return;
  }
  event.preventDefault();
  pen.isShown = true;
  repaint();
});

paper.addEventListener('keyup', event => held.delete(event.key));
paper.addEventListener('focus', () => { pen.isShown = paper.matches(':focus-visible'); repaint(); });
paper.addEventListener('blur', () => { held.clear(); pen.isShown = pen.isDown = false; repaint(); });

clear.addEventListener('click', () => { wipe(); paper.focus({ focusVisible: false }); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
new ResizeObserver(repaint).observe(paper);
showNothing();
