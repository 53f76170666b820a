using System.Data.Common;
using System.Text.Json;
using Dapper;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Every SQL statement about the shapes of events.</summary>
public static class TypeShapeStore
{
    private static readonly RowStatement<TypeShape> SaveStatement = new RowStatement<TypeShape>(
        """
        INSERT INTO source_shapes (source_no, type, since_at, seen_at, samples, in_doubt, fields, versions)
        SELECT v.source, v.type, v.since, v.seen, v.samples, v.doubt, v.fields, v.versions FROM {rows} WHERE true
        ON CONFLICT (source_no, type) DO UPDATE SET seen_at = excluded.seen_at, samples = excluded.samples, in_doubt = excluded.in_doubt, fields = excluded.fields,
            versions = excluded.versions
        """)
        .Number("source", row => row.SourceNo).Text("type", row => row.Type).Number("since", row => row.Since.ToUnixTimeMilliseconds()).Number("seen", row => row.SeenAt.ToUnixTimeMilliseconds())
        .Number("samples", row => row.Samples).Number("doubt", row => Stored.Flag(row.IsInDoubt))
        .Text("fields", row => JsonSerializer.Serialize(row.Fields.ToDictionary(field => field.Key, field => new[] { field.Value.From, field.Value.Missing })))
        .Text("versions", row => JsonSerializer.Serialize(row.Versions));

    public static Task Save(WriteSession session, IReadOnlyList<TypeShape> shapes) => session.ForEach(SaveStatement, shapes);

    /// <summary>The types of a source, without their fields.</summary>
    public static async Task<List<TypeShape>> Heads(DbConnection connection, long sourceNo) => (await connection.QueryAsync<(string Type, long Since, long Seen, long Samples, long InDoubt)>(
        "SELECT type, since_at, seen_at, samples, in_doubt FROM source_shapes WHERE source_no = @sourceNo", new { sourceNo }))
        .Select(row => new TypeShape(sourceNo, row.Type, Stored.Time(row.Since), Stored.Time(row.Seen), row.Samples, row.InDoubt != 0)).ToList();

    /// <summary>The same shape with its fields.</summary>
    public static async Task<TypeShape> Load(DbConnection connection, TypeShape head)
    {
        var (fields, versions) = await connection.QuerySingleOrDefaultAsync<(string?, string?)>(
            "SELECT fields, versions FROM source_shapes WHERE source_no = @SourceNo AND type = @Type", new { head.SourceNo, head.Type });
        return fields is null ? head : head with
        {
            Fields = JsonSerializer.Deserialize<Dictionary<string, long[]>>(fields)!.ToDictionary(field => field.Key, field => new FieldRun(field.Value[0], (int)field.Value[1]), StringComparer.Ordinal),
            Versions = JsonSerializer.Deserialize<List<string>>(versions!)!,
        };
    }
}
