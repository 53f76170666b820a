namespace Hookway.Tests.Support;

/// <summary>Tests with server processes of their own run one after another and after all others: they take the whole machine.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RealProcesses
{
    public const string Name = "Real processes";
}
