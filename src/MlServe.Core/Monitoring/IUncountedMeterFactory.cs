using System.Diagnostics.Metrics;

namespace MlServe.Monitoring;

/// <summary>Makes meters for predictions that no caller asked for, and that are left out of the totals of the process.</summary>
internal interface IUncountedMeterFactory : IMeterFactory;
