namespace Hookway.Storage;

/// <summary>How nodes on one store wake each other. A signal is a hint: it may be lost, so nothing depends on it but how soon something happens.</summary>
public abstract class NodeSignals : IAsyncDisposable
{
    /// <summary>Tells of each line that was sent, by this node too; of an empty one when some may have been missed.</summary>
    public event Action<string>? Received;

    /// <summary>Begins to listen.</summary>
    public abstract void Start();

    /// <summary>Sends a line soon, together with others.</summary>
    public abstract void Send(string line);

    public abstract ValueTask DisposeAsync();

    protected void Receive(string lines)
    {
        foreach (var line in lines.Split('\n'))
        {
            Received?.Invoke(line);
        }
    }
}
