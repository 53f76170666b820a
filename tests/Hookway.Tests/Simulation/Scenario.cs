using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Messages;
using Hookway.Access;
using Hookway.Storage;
using Hookway.Webhooks;

namespace Hookway.Tests.Simulation;

/// <summary>What happens in a world, from its seed: who has which endpoints, who sends what and when, who changes what, what goes wrong; and at the end, that all is made well.</summary>
internal sealed class Scenario(World world)
{
    private const string EventType = "thing.happened";
    private const string Crowd = "crowd";
    private static readonly TimeSpan LongestTrouble = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestStandstill = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan LongestHealing = TimeSpan.FromDays(4);

    private readonly Random _random = world.Scheduler.Random;
    private App _app = null!;
    private int _messages;

    /// <summary>Lets the world run to its end.</summary>
    public void Play()
    {
        world.StartNodes();
        world.Scheduler.Run(TimeSpan.FromMinutes(1));
        world.Serve(SetUp);
        world.Scheduler.Run(TimeSpan.FromMinutes(2));
        var length = TimeSpan.FromMinutes(_random.Next(3, 25));
        world.IsTroubled = true;
        PlanSends(length);
        PlanManners(length);
        PlanChanges(length);
        PlanTroubles(length);
        world.Scheduler.Run(world.Scheduler.Now + length);
        Heal();
    }

    private async Task SetUp(SimulatedNode node)
    {
        var (workspace, _) = await node.Get<WorkspaceStore>().FindOrCreate("simulated", Actor.System);
        world.Workspace = workspace;
        _app = (await node.Get<AppStore>().Create(node.Caller, "Simulated", null, null)).App!;
        await node.Get<EventTypeStore>().Publish(_app, Actor.System, EventType, null, null);
        for (var i = _random.Next(2, 7); i > 0; i--)
        {
            await AddEndpoint(
                node, $"customer_{_random.Next(2)}", _random.Next(2, 7), _random.Next(1, 31), world.Chance(0.2) ? _random.Next(6, 121) : null, world.Chance(0.3));
        }
        for (var i = 0; i < world.SlowReceivers; i++)
        {
            await AddEndpoint(node, Crowd, 6, 5, null, ordered: false);
            world.Receivers[^1].Manner = Manner.Slow;
            world.Receivers[^1].TakesAtLeast = TimeSpan.FromSeconds(14);
        }
    }

    private async Task AddEndpoint(SimulatedNode node, string recipient, int attempts, int backoff, int? rateLimit, bool ordered)
    {
        var settings = new EndpointSettings(
            $"http://receiver-{world.Receivers.Count}.test/hook", null, true, false, null, null, new Dictionary<string, string>(), attempts, backoff, rateLimit, ordered);
        var endpoint = new SimulatedEndpoint(recipient, settings);
        world.AddReceiver(endpoint);
        var (created, _) = await node.Get<EndpointStore>().Create(_app, Actor.System, recipient, null, settings, WebhookSecret.Generate(SignatureScheme.HmacSha256));
        endpoint.EndpointId = created!.EndpointId;
    }

    private void PlanSends(TimeSpan length)
    {
        for (var i = world.SlowReceivers == 0 ? 0 : (int)(length.TotalSeconds / 8); i > 0; i--)
        {
            var id = $"message-{_messages++}";
            At(world.Scheduler.Now + world.Scheduler.Within(length), () => Send(id, Crowd, null));
        }
        for (var bursts = _random.Next(3, 12); bursts > 0; bursts--)
        {
            var at = world.Scheduler.Now + world.Scheduler.Within(length);
            for (var i = world.Chance(0.3) ? _random.Next(5, 40) : _random.Next(1, 4); i > 0; i--)
            {
                var id = $"message-{_messages++}";
                var recipient = $"customer_{_random.Next(2)}";
                DateTimeOffset? deliverAt = world.Chance(0.05) ? VirtualClock.Epoch + at + world.Scheduler.Within(TimeSpan.FromHours(1)) : null;
                At(at + world.Scheduler.Within(TimeSpan.FromMilliseconds(200)), () => Send(id, recipient, deliverAt));
            }
        }
    }

    /// <summary>Sends until there is an answer that says what became of it, or the caller gives up.</summary>
    private void Send(string id, string recipient, DateTimeOffset? deliverAt)
    {
        void Again() => At(world.Scheduler.Now + world.Scheduler.Within(TimeSpan.FromSeconds(20)), () => Send(id, recipient, deliverAt));
        var send = new SimulatedSend(id, recipient, deliverAt is not null, world.Scheduler.Steps);
        if (!world.Serve(async node =>
        {
            int status;
            try
            {
                var view = (await node.Get<AppStore>().View(node.Caller, _app.AppId))!;
                var result = await node.Get<MessageIntake>().Send(node.Caller, view, new MessageDraft(recipient, EventType, "{}"u8.ToArray(), id, null, deliverAt));
                status = result is Problem problem ? problem.Status : ((IStatusCodeHttpResult)result).StatusCode!.Value;
            }
            catch (StorageUnavailableException)
            {
                status = 503;
            }
            send.Answered(status, world.Scheduler);
            if (status == 503 && world.Chance(0.5))
            {
                Again();
            }
            else if (status is not (202 or 503))
            {
                world.Fault(new InvalidOperationException($"{id} was answered with {status}"));
            }
        }))
        {
            return;
        }
        world.Ledger.Sends.Add(send);
        At(world.Scheduler.Now + TimeSpan.FromSeconds(30), () =>
        {
            if (send.Answer is null && world.Chance(0.7))
            {
                Again();
            }
        });
        if (world.Chance(0.05))
        {
            Again();
        }
    }

    private void PlanManners(TimeSpan length)
    {
        foreach (var receiver in world.Receivers.Where(receiver => receiver.Endpoint.Recipient != Crowd && world.Chance(0.6)))
        {
            for (var changes = _random.Next(1, 6); changes > 0; changes--)
            {
                var manner = (Manner)_random.Next((int)Manner.Aborts);
                if (world.Chance(0.05))
                {
                    manner = world.Chance(0.5) ? Manner.Aborts : Manner.Gone;
                }
                At(world.Scheduler.Now + world.Scheduler.Within(length), () => receiver.Manner = manner);
            }
        }
    }

    private void PlanChanges(TimeSpan length)
    {
        for (var changes = _random.Next(0, 8); changes > 0; changes--)
        {
            var receiver = world.Receivers[_random.Next(world.Receivers.Count)];
            Action change = _random.Next(7) switch
            {
                0 or 1 => () => Pause(receiver.Endpoint, world.Scheduler.Within(TimeSpan.FromMinutes(3))),
                2 => () => Disable(receiver.Endpoint, world.Scheduler.Within(TimeSpan.FromMinutes(3))),
                3 => () => Cancel(),
                _ => () => Replay(),
            };
            At(world.Scheduler.Now + world.Scheduler.Within(length), change);
        }
        if (world.Chance(0.05))
        {
            At(world.Scheduler.Now + world.Scheduler.Within(length), () => Delete(world.Receivers[^1].Endpoint));
        }
    }

    private void PlanTroubles(TimeSpan length)
    {
        for (var crashes = _random.Next(0, 4); crashes > 0; crashes--)
        {
            At(world.Scheduler.Now + world.Scheduler.Within(length), world.Crash);
        }
        if (world.Chance(0.3))
        {
            At(world.Scheduler.Now + world.Scheduler.Within(length), world.Restart);
        }
        for (var frozen = world.HasSeveralNodes ? _random.Next(0, 4) : 0; frozen > 0; frozen--)
        {
            At(world.Scheduler.Now + world.Scheduler.Within(length), () => world.Freeze(world.Scheduler.Within(LongestStandstill)));
        }
        for (var cutOff = world.HasSeveralNodes ? _random.Next(0, 3) : 0; cutOff > 0; cutOff--)
        {
            At(world.Scheduler.Now + world.Scheduler.Within(length), () => world.CutOff(world.Scheduler.Within(LongestStandstill)));
        }
        for (var absences = _random.Next(0, 3); absences > 0; absences--)
        {
            At(world.Scheduler.Now + world.Scheduler.Within(length), () => world.TakeStoreAway(world.Scheduler.Within(LongestTrouble)));
        }
        if (world.Chance(0.2))
        {
            var error = world.Scheduler.Within(TimeSpan.FromHours(2)) - TimeSpan.FromHours(1);
            At(world.Scheduler.Now + world.Scheduler.Within(length), () => world.SetClocks(error));
        }
    }

    /// <summary>From here on nothing goes wrong any more, so everything that was accepted must come to its end.</summary>
    private void Heal()
    {
        world.IsTroubled = false;
        world.Receivers.ForEach(receiver => receiver.Manner = Manner.Healthy);
        // Whatever was planned for the last moment has come and gone by then.
        world.Scheduler.Run(world.Scheduler.Now + TimeSpan.FromMinutes(10));
        world.SetClocks(TimeSpan.Zero);
        // Of the others nothing is touched: a change reads a queue again, and would hide that it stands still.
        foreach (var receiver in world.Receivers.Where(receiver => receiver.Endpoint.WasPaused))
        {
            world.Serve(node => Change(node, receiver.Endpoint, settings => settings with { Paused = false }));
        }
        var end = world.Scheduler.Now + LongestHealing;
        do
        {
            world.Scheduler.Run(world.Scheduler.Now + TimeSpan.FromMinutes(15));
            world.Ledger.LookForStandstill();
        }
        while (world.Scheduler.Now < end && !world.Ledger.NothingIsPending);
    }

    private void Pause(SimulatedEndpoint endpoint, TimeSpan time)
    {
        endpoint.WasPaused = true;
        world.Serve(node => Change(node, endpoint, settings => settings with { Paused = true }));
        At(world.Scheduler.Now + time, () => world.Serve(node => Change(node, endpoint, settings => settings with { Paused = false })));
    }

    private void Disable(SimulatedEndpoint endpoint, TimeSpan time)
    {
        endpoint.WasTakenOut = true;
        world.Serve(async node =>
        {
            if (await Change(node, endpoint, settings => settings with { Enabled = false }) is { } disabled)
            {
                await node.Get<EndpointRemoval>().EndOrLeave(disabled.No);
            }
        });
        At(world.Scheduler.Now + time, () => world.Serve(async node =>
        {
            if (await node.Get<EndpointStore>().Find(_app, endpoint.EndpointId!) is { } known)
            {
                await node.Get<EndpointRemoval>().EndAll(known.No);
                await Change(node, endpoint, settings => settings with { Enabled = true });
            }
        }));
    }

    private void Delete(SimulatedEndpoint endpoint)
    {
        endpoint.WasTakenOut = true;
        world.Serve(node => node.Get<EndpointRemoval>().Remove(_app, Actor.System, endpoint.EndpointId!));
    }

    private Task<WebhookEndpoint?> Change(SimulatedNode node, SimulatedEndpoint endpoint, Func<EndpointSettings, EndpointSettings> change) =>
        node.Get<EndpointStore>().Update(_app, Actor.System, "changed", endpoint.EndpointId!, old => old with { Settings = change(old.Settings) });

    private void Cancel()
    {
        var id = AnyMessage();
        world.Serve(node => node.Get<MessageErasure>().Cancel(_app, id));
    }

    private void Replay()
    {
        var id = AnyMessage();
        world.Serve(async node =>
        {
            if (await node.Get<MessageStore>().FindWithData(_app, id) is { } message)
            {
                await node.Get<MessageReplay>().Replay(_app, message, null);
            }
        });
    }

    private string AnyMessage()
    {
        var id = $"message-{_random.Next(Math.Max(1, _messages))}";
        world.Ledger.Touched.Add(id);
        return id;
    }

    private void At(TimeSpan at, Action happens) => world.Scheduler.At(at, world.People, happens);
}
