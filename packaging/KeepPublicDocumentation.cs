using System;
using System.Linq;
using System.Xml.Linq;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// The compiler documents internal types too; a package says nothing of what its users cannot reach. Public types are in the root
/// namespace, internal ones in a namespace for each folder.
/// </summary>
public class KeepPublicDocumentation : Task
{
    [Required]
    public string Documentation { get; set; }

    [Required]
    public string RootNamespace { get; set; }

    [Required]
    public ITaskItem[] Folders { get; set; }

    public override bool Execute()
    {
        var hidden = Folders.Select(f => RootNamespace + "." + f.ItemSpec + ".").ToArray();
        var document = XDocument.Load(Documentation, LoadOptions.PreserveWhitespace);
        foreach (var member in document.Descendants("member").ToList())
        {
            var name = member.Attribute("name").Value.Substring(2);
            if (hidden.Any(h => name.StartsWith(h, StringComparison.Ordinal)) || !name.StartsWith(RootNamespace + ".", StringComparison.Ordinal))
            {
                // The indentation before it.
                (member.PreviousNode as XText)?.Remove();
                member.Remove();
            }
        }

        document.Save(Documentation, SaveOptions.DisableFormatting);
        return true;
    }
}
