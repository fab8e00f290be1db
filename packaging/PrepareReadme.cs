using System;
using System.IO;
using System.Text.RegularExpressions;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// A package has no files beside its README: links to them lead to the repository, at the packed commit, or become plain text
/// where the clone has no remote. The release notes are the version's section of the changelog.
/// </summary>
public class PrepareReadme : Task
{
    [Required]
    public string Readme { get; set; }

    [Required]
    public string Changelog { get; set; }

    [Required]
    public string Version { get; set; }

    [Required]
    public string Packed { get; set; }

    /// <summary>What stands before a path in the repository, or empty.</summary>
    public string Base { get; set; }

    [Output]
    public string ReleaseNotes { get; set; }

    public override bool Execute()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(Packed)));
        File.WriteAllText(Packed, Links(File.ReadAllText(Readme)));

        var changelog = File.ReadAllText(Changelog);
        var notes = Section(changelog, Version);
        ReleaseNotes = Links(notes.Length == 0 ? Section(changelog, "Unreleased") : notes).Trim();
        if (ReleaseNotes.Length == 0)
        {
            Log.LogError("CHANGELOG.md has no section for " + Version + " and nothing under Unreleased.");
        }

        return !Log.HasLoggedErrors;
    }

    private static string Section(string changelog, string name) =>
        Regex.Match(changelog, @"^## \[" + Regex.Escape(name) + @"\][^\n]*\n(.*?)(?=^## |\z)", RegexOptions.Multiline | RegexOptions.Singleline).Groups[1].Value;

    private string Links(string markdown) => Regex.Replace(
        markdown.Replace("\r\n", "\n"),
        @"(?<!!)\[(?<text>[^\]\n]+)\]\((?!https?://|\#)(?<path>[^)\s]+)\)",
        link => string.IsNullOrEmpty(Base) ? link.Groups["text"].Value : "[" + link.Groups["text"].Value + "](" + Base + link.Groups["path"].Value + ")");
}
