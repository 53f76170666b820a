using System.Text;
using Dapper;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>Which issues a list shows; what is null does not limit it.</summary>
/// <param name="Q">The beginning of an id, or a part of the text.</param>
public sealed record IssueFilter(
    string? Q = null, IssueStatus? Status = null, IssueKind? Kind = null, string? SourceId = null, string? DestinationId = null, string? AppId = null, string? EndpointId = null)
{
    private static readonly (string Prefix, string Column)[] Ids =
    [
        (IdPrefix.Issue, "i.id"), (IdPrefix.Source, "i.source_id"), ("dst", "i.destination_id"), (IdPrefix.App, "i.app_id"), (IdPrefix.Endpoint, "i.endpoint_id"),
    ];

    /// <summary>What must hold beside the owner and the status, which the index tells.</summary>
    internal string Conditions
    {
        get
        {
            var conditions = new StringBuilder();
            conditions.Append(Kind is null ? "" : " AND i.kind = @Kind").Append(SourceId is null ? "" : " AND i.source_id = @SourceId")
                .Append(DestinationId is null ? "" : " AND i.destination_id = @DestinationId").Append(AppId is null ? "" : " AND i.app_id = @AppId")
                .Append(EndpointId is null ? "" : " AND i.endpoint_id = @EndpointId");
            if (Q is not null)
            {
                conditions.Append(" AND (");
                foreach (var (_, column) in Ids.Where(id => Q.StartsWith(id.Prefix + "_", StringComparison.Ordinal)))
                {
                    conditions.Append($"({column} >= @Q AND {column} < @End) OR ");
                }
                conditions.Append(
                    """
                    EXISTS (SELECT 1 FROM issue_items x WHERE x.issue_no = i.no AND x.item_id >= @Q AND x.item_id < @End)
                    OR lower(i.title || ' ' || i.detail || ' ' || coalesce(i.recipient, '') || ' ' || coalesce(i.entity_key, '')) LIKE @Pattern ESCAPE '!')
                    """);
            }
            return conditions.ToString();
        }
    }

    internal DynamicParameters Values => new(new { Kind = (long?)Kind, SourceId, DestinationId, AppId, EndpointId, Q, End = Q is null ? null : Prefix.EndOf(Q), Pattern = Pattern });

    private string? Pattern => Q is null ? null
        : $"%{Q.ToLowerInvariant().Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal)}%";
}
