using System.Data.Common;
using System.Reflection;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Rules;

/// <summary>Rules of the house that a line of text, or the signature of a method, can break.</summary>
public partial class SourceRulesTests
{
    private static readonly IReadOnlyList<string> Code = [.. Repository.Files.Where(file => Path.GetExtension(file) is ".cs" or ".razor")];

    /// <summary>What people write, without what tools wrote or what was copied as it was.</summary>
    private static readonly IReadOnlyList<string> Texts =
        [.. Repository.Files.Where(file => !file.Contains("wwwroot/lib/", StringComparison.Ordinal) && !file.EndsWith("lock.json", StringComparison.Ordinal)
            && !file.StartsWith("bench/results/", StringComparison.Ordinal) && !file.EndsWith("openapi.json", StringComparison.Ordinal))];

    // Numbers that name one row of one tenant and never come from a caller.
    private static readonly string[] TenantNumbers = ["workspaceNo", "appNo", "recipientNo"];
    private static readonly Type[] TenantTypes = [typeof(Caller), typeof(App), typeof(Recipient), typeof(WebhookEndpoint), typeof(Message)];

    /// <summary>Reads without a scope, each with its reason.</summary>
    private static readonly Dictionary<string, string> MayReadWithoutScope = new()
    {
        ["EndpointStore.ViewTarget"] = "the delivery engine knows targets by number alone; numbers come from delivery rows, never from a caller",
        ["EndpointStore.LoadTarget"] = "the same, read inside a transaction",
        ["EndpointStore.FindOwner"] = "says whose a target is, for what the engine noted of it",
        ["MessageStore.FindIds"] = "the ids of messages that the engine noted by number",
        ["MessageStore.FindByIds"] = "one read for the sends of many apps; each row names its app",
        ["MessageStore.FindByKeys"] = "one read for the sends of many apps; each row names its app",
    };

    /// <summary>Where a change is not in the audit log, how often, and why.</summary>
    private static readonly Dictionary<string, (int Times, string Reason)> MayChangeUnrecorded = new()
    {
        ["src/Hookway.Server/Access/Members/UserStore.cs"] = (3, "a person's own password, name and second step belong to no workspace"),
        ["src/Hookway.Server/Access/Members/Joining.cs"] = (1, "a person's own password"),
        ["src/Hookway.Server/Access/Sessions/SessionStore.cs"] = (1, "signing out"),
        ["src/Hookway.Server/Dispatch/Recipients/RecipientStore.cs"] = (1, "the last step of a purge, which is recorded at its first"),
    };

    [Fact]
    public void Every_change_of_configuration_is_in_the_audit_log_but_for_those_with_a_reason() =>
        Code.Where(file => file.StartsWith("src/", StringComparison.Ordinal) && !file.EndsWith("/Configuration.cs", StringComparison.Ordinal))
            .Select(file => (file, Times: Unrecorded().Count(Repository.Read(file)))).Where(found => found.Times > 0)
            .ShouldBe(MayChangeUnrecorded.Select(allowed => (allowed.Key, allowed.Value.Times)), ignoreOrder: true);

    [Fact]
    public void Nothing_is_left_to_be_done_later() => Matches(Texts, LeftOver()).ShouldBeEmpty();

    [Fact]
    public void No_path_of_one_machine_is_written_down() =>
        Matches([.. Texts, .. Repository.Files.Where(file => file.StartsWith("bench/results/", StringComparison.Ordinal))], MachinePath()).ShouldBeEmpty();

    [Fact]
    public void Nothing_sleeps_on_a_thread_or_asks_DateTime_for_the_time() => Matches(Code, Banned()).ShouldBeEmpty();

    [Fact]
    public void No_test_is_skipped() => Matches(Code, Skipped()).ShouldBeEmpty();

    [Fact]
    public void Every_store_method_that_reads_a_tenants_data_takes_the_tenant_first()
    {
        var reads = typeof(App).Assembly.GetTypes()
            .Where(type => type.Name.EndsWith("Store", StringComparison.Ordinal) && type.Namespace!.StartsWith("Hookway.Dispatch.", StringComparison.Ordinal))
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .Where(method => ReadName().IsMatch(method.Name)).ToList();
        reads.Count.ShouldBeGreaterThan(10);
        var unscoped = reads.Where(method => !TakesTenantFirst(method)).Select(method => $"{method.DeclaringType!.Name}.{method.Name}").Distinct().ToList();
        unscoped.ShouldBe(MayReadWithoutScope.Keys, ignoreOrder: true);
    }

    private static bool TakesTenantFirst(MethodInfo method) =>
        method.GetParameters().FirstOrDefault(parameter => !parameter.ParameterType.IsAssignableTo(typeof(DbConnection)) && parameter.ParameterType != typeof(WriteSession))
            is { } first && (TenantTypes.Contains(first.ParameterType) || (first.ParameterType == typeof(long) && TenantNumbers.Contains(first.Name)));

    private static IEnumerable<string> Matches(IEnumerable<string> files, Regex pattern) =>
        from file in files
        from line in Repository.Read(file).Split('\n').Index()
        where pattern.IsMatch(line.Item)
        select $"{file}:{line.Index + 1}: {line.Item.Trim()}";

    [GeneratedRegex(@"\b(TO\x44O|FIX\x4dE|HAC\x4b)\b")]
    private static partial Regex LeftOver();

    [GeneratedRegex(@"(?<![\w.\-}])/(work|root|home|Users)/")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"\bThread\.\x53leep\b|\bDateTime\.(Utc)?\x4eow\b")]
    private static partial Regex Banned();

    [GeneratedRegex(@"\b(Fact|Theory|InlineData|MemberData)\(.*\b(Skip\w*|Explicit) ?=|\bAssert\.Skip")]
    private static partial Regex Skipped();

    [GeneratedRegex(@"\bChangeUnrecorded\b")]
    private static partial Regex Unrecorded();

    [GeneratedRegex("^(Find|List|View|Load)")]
    private static partial Regex ReadName();
}
