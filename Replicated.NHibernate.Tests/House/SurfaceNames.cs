using System.Reflection;
using System.Runtime.CompilerServices;

namespace Replicated.NHibernate.Tests.House;

/// <summary>Types, parameters and results as C# writes them, with ? where the annotations allow null.</summary>
internal static class SurfaceNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(bool)] = "bool", [typeof(byte)] = "byte", [typeof(char)] = "char", [typeof(double)] = "double",
        [typeof(int)] = "int", [typeof(long)] = "long", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(uint)] = "uint", [typeof(ulong)] = "ulong",
    };

    public static string Of(Type type) => Of(type, nullability: null);

    public static string Of(PropertyInfo property) => Of(property.PropertyType, new NullabilityInfoContext().Create(property));

    public static string Of(FieldInfo field) => Of(field.FieldType, new NullabilityInfoContext().Create(field));

    public static string Return(MethodInfo method) => Of(method.ReturnType, new NullabilityInfoContext().Create(method.ReturnParameter));

    public static string Of(ParameterInfo parameter)
    {
        var way = parameter switch { { IsOut: true } => "out ", { IsIn: true } => "in ", { ParameterType.IsByRef: true } => "ref ", _ => "" };
        var many = parameter.IsDefined(typeof(ParamArrayAttribute), inherit: false) ? "params " : "";
        var value = parameter.HasDefaultValue ? $" = {parameter.DefaultValue ?? "default"}" : "";
        return $"{way}{many}{Of(parameter.ParameterType, new NullabilityInfoContext().Create(parameter))} {parameter.Name}{value}";
    }

    public static string Arguments(Type[] arguments) => arguments.Length == 0 ? "" : $"<{string.Join(", ", arguments.Select(Of))}>";

    public static string Setter(PropertyInfo property) =>
        property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true ? " init;" : " set;";

    private static string Of(Type type, NullabilityInfo? nullability)
    {
        if (type.IsByRef)
        {
            return Of(type.GetElementType()!, nullability);
        }

        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return Of(underlying) + "?";
        }

        var token = !type.IsValueType && nullability is { ReadState: NullabilityState.Nullable } ? "?" : "";
        return Plain(type, nullability) + token;
    }

    private static string Plain(Type type, NullabilityInfo? nullability)
    {
        if (type.IsArray)
        {
            return $"{Of(type.GetElementType()!, nullability?.ElementType)}[]";
        }

        if (Keywords.TryGetValue(type, out var keyword))
        {
            return keyword;
        }

        var name = type.IsNested && !type.IsGenericParameter ? $"{Of(type.DeclaringType!)}.{type.Name}" : type.Name;
        if (!type.IsGenericType)
        {
            return name;
        }

        var arguments = type.GetGenericArguments();
        var inner = nullability?.GenericTypeArguments is { Length: > 0 } known && known.Length == arguments.Length ? known : null;
        return $"{name.Split('`')[0]}<{string.Join(", ", arguments.Select((argument, i) => Of(argument, inner?[i])))}>";
    }
}
