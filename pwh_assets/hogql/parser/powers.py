"""How tightly operators bind."""

# Binding powers, loosest first. NOT and the unary minus are prefixes that read their operand at these.
(
    TERNARY,
    OR,
    AND,
    NOT,
    BETWEEN,
    COALESCE,
    DISTINCT,
    IS_NULL,
    COMPARE,
    ADD,
    MULTIPLY,
    NEGATE,
    POSTFIX,
) = range(5, 70, 5)
