using System.Reflection;
using System.Runtime.CompilerServices;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.House;

/// <summary>The public and protected part of a type, a line for the type and one for each member, much as C# writes them.</summary>
internal static class PublicSurface
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static IEnumerable<string> Of(Type type)
    {
        var name = SurfaceNames.Of(type);
        yield return $"{name} : {Kind(type)}{Bases(type)}";
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            yield return $"{name}{Parameters(type.GetMethod("Invoke")!)}: {SurfaceNames.Return(type.GetMethod("Invoke")!)}";
            yield break;
        }

        foreach (var line in type.GetMembers(Declared).Where(IsWritten).Select(Member).OfType<string>())
        {
            yield return $"{name}.{line}";
        }
    }

    /// <summary>What the compiler adds to a record is said by the word record.</summary>
    private static bool IsWritten(MemberInfo member) => member is not MethodInfo || !member.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false);

    private static string? Member(MemberInfo member) => member switch
    {
        FieldInfo { IsLiteral: true, DeclaringType.IsEnum: true } value => $"{value.Name} = {value.GetRawConstantValue()}",
        ConstructorInfo constructor when IsSeen(constructor) => $"new{Parameters(constructor)}",
        MethodInfo method when IsSeen(method) && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal)) =>
            $"{Modifiers(method)}{method.Name}{SurfaceNames.Arguments(method.GetGenericArguments())}{Parameters(method)}: {SurfaceNames.Return(method)}",
        PropertyInfo property when IsSeen(property.GetMethod) || IsSeen(property.SetMethod) =>
            $"{Modifiers((property.GetMethod ?? property.SetMethod)!)}{property.Name}{Index(property)}: {SurfaceNames.Of(property)} {{{Accessor(property.GetMethod, " get;")}{Accessor(property.SetMethod, SurfaceNames.Setter(property))} }}",
        EventInfo { AddMethod: { } add } happening when IsSeen(add) => $"{Modifiers(add)}event {happening.Name}: {SurfaceNames.Of(happening.EventHandlerType!)}",
        FieldInfo field when (field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly) && !field.IsSpecialName =>
            $"{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{field.Name}{(field.IsLiteral ? $" = {field.GetRawConstantValue()}" : "")}: {SurfaceNames.Of(field)}",
        _ => null,
    };

    private static bool IsSeen(MethodBase? method) => method is { IsPublic: true } or { IsFamily: true } or { IsFamilyOrAssembly: true };

    private static string Accessor(MethodInfo? accessor, string text) => IsSeen(accessor) ? text : "";

    private static string Modifiers(MethodInfo method) =>
        (method.IsPublic ? "" : "protected ")
        + (method.IsStatic ? "static " : "")
        + (method.DeclaringType!.IsInterface || method.IsFinal ? "" : method.IsAbstract ? "abstract " : method.GetBaseDefinition() != method ? "override " : method.IsVirtual ? "virtual " : "");

    private static string Index(PropertyInfo property) =>
        property.GetIndexParameters() is { Length: > 0 } parameters ? $"[{string.Join(", ", parameters.Select(SurfaceNames.Of))}]" : "";

    private static string Parameters(MethodBase method)
    {
        var extension = method.IsDefined(typeof(ExtensionAttribute), inherit: false) ? "this " : "";
        return $"({extension}{string.Join(", ", method.GetParameters().Select(SurfaceNames.Of))})";
    }

    private static string Kind(Type type) => type switch
    {
        _ when type.GetMethod("<Clone>$") is not null => type.IsSealed ? "sealed record" : "record",
        { IsEnum: true } => "enum",
        { IsInterface: true } => "interface",
        { IsValueType: true } => "struct",
        _ when typeof(Delegate).IsAssignableFrom(type) => "delegate",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsAbstract: true } => "abstract class",
        { IsSealed: true } => "sealed class",
        _ => "class",
    };

    private static string Bases(Type type)
    {
        if (type.IsEnum || typeof(Delegate).IsAssignableFrom(type))
        {
            return "";
        }

        IEnumerable<Type> bases = [.. new[] { type.BaseType }.OfType<Type>().Where(b => b != typeof(object) && b != typeof(ValueType)), .. type.GetInterfaces().Except(type.BaseType?.GetInterfaces() ?? [])];
        var names = bases.Where(b => b.IsVisible).Select(b => IsStandIn(type, b) ? "HibernateException" : SurfaceNames.Of(b)).Order(StringComparer.Ordinal);
        return string.Concat(names.Select(name => $", {name}"));
    }

    // What derives from NHibernate's exception has another base in the build without it.
    private static bool IsStandIn(Type type, Type parent) =>
        !SourceTree.WithNHibernate && parent == typeof(InvalidOperationException) && type.Name is nameof(SlaveWriteException) or nameof(WriteAfterCompletionException);
}
