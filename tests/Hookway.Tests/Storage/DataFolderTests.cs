using Hookway.Storage;

namespace Hookway.Tests.Storage;

public sealed class DataFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hookway-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_folder_that_is_held_is_in_use_until_it_is_let_go()
    {
        await using (DataFolder.Take(_folder))
        {
            Should.Throw<InvalidOperationException>(() => DataFolder.Take(_folder)).Message.ShouldBe($"The data folder {_folder} is in use by another Hookway server.");
        }
        await using var again = DataFolder.Take(_folder);
    }

    [Fact]
    public void Another_trouble_with_the_folder_is_not_blamed_on_another_server()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");

        Should.Throw<IOException>(() => DataFolder.Take(file)).Message.ShouldNotContain("in use");
    }
}
