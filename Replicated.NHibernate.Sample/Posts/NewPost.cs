using System.ComponentModel.DataAnnotations;

namespace Replicated.NHibernate.Sample.Posts;

/// <summary>What a client sends to write a post.</summary>
public sealed class NewPost
{
    public const int LongestTitle = 120;
    public const int LongestBody = 4000;

    [Required, StringLength(LongestTitle), StorableText]
    public string? Title { get; set; }

    [StringLength(LongestBody), StorableText]
    public string? Body { get; set; }

    public Post Written(TimeProvider clock)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        return new Post
        {
            Title = Title!.Trim(),
            Body = Body?.Trim() ?? "",
            // To the microsecond, as PostgreSQL keeps it: the answer to the POST is what a GET will say.
            CreatedAt = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond)),
        };
    }
}

public sealed class SearchFor
{
    [Required, StringLength(NewPost.LongestTitle), StorableText]
    public string? Text { get; set; }
}

/// <summary>PostgreSQL stores every character but one.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class StorableTextAttribute() : ValidationAttribute("The field {0} must not contain the character NUL.")
{
    public override bool IsValid(object? value) => value is not string text || !text.Contains('\0', StringComparison.Ordinal);
}
