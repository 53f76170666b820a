namespace Hookway.Deliveries;

/// <summary>
/// Which targets answered quickly when something was last sent to them, also when they have left memory since; of those that came by long ago some are forgotten. Guarded by the
/// schedule's lock.
/// </summary>
internal sealed class QuickTargets(int most = 20_000)
{
    private HashSet<long> _recent = [];
    private HashSet<long> _before = [];

    public bool Contains(long targetNo) => _recent.Contains(targetNo) || _before.Contains(targetNo);

    public void Note(long targetNo, bool isQuick)
    {
        if (!isQuick)
        {
            _recent.Remove(targetNo);
            _before.Remove(targetNo);
        }
        else if (_recent.Add(targetNo) && _recent.Count >= most / 2)
        {
            (_recent, _before) = (_before, _recent);
            _recent.Clear();
        }
    }
}
