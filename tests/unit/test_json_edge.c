#include "unit.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/json_edge.h"

#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

struct text {
    const char *bytes;
    size_t length;
};

/* Parses a copy without NUL at its end, so that AddressSanitizer sees a read past it. */
static int parse(const struct text *text, int max_depth, struct json_object **ret_object)
{
    char *copy = malloc(text->length + 1);
    int err;

    assert_non_null(copy);
    memcpy(copy + 1, text->bytes, text->length);
    err = json_edge_parse(copy + 1, text->length, max_depth, ret_object);
    free(copy);
    return err;
}

static void good_json_is_parsed(void **state)
{
    static const struct text texts[] = {
        TEXT("{}"),
        TEXT("[]"),
        TEXT(" \t\r\n{ \"a\" : [ 1 , -2 , 3.5 , 1e3 , 1E-2 , 1.5e+2 ] } \n"),
        TEXT("0"),
        TEXT("-0"),
        TEXT("42"),
        TEXT("1.25"),
        TEXT("42 "),
        TEXT("9223372036854775807"),
        TEXT("-9223372036854775808"),
        TEXT("true"),
        TEXT("false"),
        TEXT("\"\""),
        TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
        TEXT("\"\\u0041\\u00e9\\u20AC\""),
        TEXT("\"\\ud83d\\udc1f\""), /* a pair */
        TEXT("\"\\uD83D\\uDC1F\""),
        TEXT("\"\\\\u0000\""), /* an escaped backslash, then plain text */
        TEXT("\"\\\\ud800\""),
        TEXT("\"🐟 жизнь \x7f\""),
        TEXT("{\"\":1}"),
        TEXT("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}"), /* equal keys in different objects */
        TEXT("[{\"a\":1},{\"a\":2}]"),
        TEXT("{\"a\":\"/* no comment */ NaN 'x'\"}"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct json_object *object = NULL;

        if (parse(&texts[i], 16, &object) != 0 || !object)
            fail_msg("refused: %s", texts[i].bytes);
        json_object_put(object);
    }
}

static void bad_json_is_refused(void **state)
{
    static const struct text texts[] = {
        TEXT(""),
        TEXT(" "),
        TEXT("{"),
        TEXT("}"),
        TEXT("{\"a\"}"),
        TEXT("{\"a\":}"),
        TEXT("{\"a\":1,}"),
        TEXT("{,}"),
        TEXT("{a:1}"),
        TEXT("{1:1}"),
        TEXT("[1,]"),
        TEXT("[,1]"),
        TEXT("[1 2]"),
        TEXT("[1"),
        TEXT("[1}"),
        TEXT("{} {}"),
        TEXT("{}x"),
        TEXT("1 2"),
        TEXT("nul"),
        TEXT("nullx"),
        TEXT("True"),
        TEXT("NaN"),
        TEXT("[NaN]"),
        TEXT("nan"),
        TEXT("Infinity"),
        TEXT("-Infinity"),
        TEXT("[-inf]"),
        TEXT("'a'"),
        TEXT("{'a':1}"),
        TEXT("\"a"),
        TEXT("\"\\\""),
        TEXT("\"\\"),
        TEXT("\"\\x41\""),
        TEXT("\"\\a\""),
        TEXT("\"\\u12\""),
        TEXT("\"\\u12g4\""),
        TEXT("\"\\u"),
        TEXT("\"a\nb\""),
        TEXT("\"a\tb\""),
        TEXT("\"\x01\""),
        TEXT("\"\\u0000\""),
        TEXT("{\"\\u0000\":1}"),
        TEXT("\"\\ud800\""),
        TEXT("\"\\udc00\""),
        TEXT("\"\\ud800x\""),
        TEXT("\"\\ud800\\u0041\""),
        TEXT("\"\\ud800\\ud800\""),
        TEXT("\"\\udc1f\\ud83d\""),
        TEXT("\"\\ud83d\\"),
        TEXT("\"\\\\\\ud800\""), /* an escaped backslash, then a lone surrogate */
        TEXT("{\"a\":1,\"a\":2}"),
        TEXT("{\"a\":1,\"\\u0061\":2}"),
        TEXT("{\"x\":[{\"a\":1,\"b\":2,\"a\":{\"c\":1}}]}"),
        TEXT("9223372036854775808"),
        TEXT("-9223372036854775809"),
        TEXT("99999999999999999999"),
        TEXT("01"),
        TEXT("-01"),
        TEXT("00"),
        TEXT("-"),
        TEXT("+1"),
        TEXT(".5"),
        TEXT("5."),
        TEXT("1.e3"),
        TEXT("1e"),
        TEXT("1e+"),
        TEXT("0x10"),
        TEXT("1_000"),
        TEXT("1e400"),
        TEXT("-1e400"),
        TEXT("1.0000000000000000000000000000000000000000000000000000000000000000000"),
        TEXT("/* c */ 1"),
        TEXT("1 // c"),
        TEXT("\"\xff\""),
        TEXT("\"\xed\xa0\x80\""),
        TEXT("\"\xc0\x80\""),
        TEXT("{}\0"),
        TEXT("\"a\0b\""),
        TEXT("\xef\xbb\xbf{}"), /* byte order mark */
        TEXT("\xc2\xa0{}"),     /* no white space of JSON */
        TEXT("\f{}"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct json_object *object = NULL;

        if (parse(&texts[i], 16, &object) != ERR_BAD_JSON)
            fail_msg("not refused: %s", texts[i].bytes);
        assert_null(object);
    }
}

static void null_at_the_top_gives_no_object(void **state)
{
    struct json_object *object = json_object_new_int(1);
    struct json_object *kept = object;

    (void)state;
    assert_int_equal(json_edge_parse("null", 4, 16, &object), 0);
    assert_null(object);
    json_object_put(kept);
}

static void values_arrive_unchanged(void **state)
{
    static const struct text text =
        TEXT("{\"i\":-9223372036854775808,\"s\":\"\\ud83d\\udc1f\\n\",\"f\":1.5,\"n\":null}");
    struct json_object *object = NULL;

    (void)state;
    assert_int_equal(parse(&text, 1, &object), 0);
    assert_true(json_object_get_int64(json_object_object_get(object, "i")) == INT64_MIN);
    assert_string_equal(json_object_get_string(json_object_object_get(object, "s")), "🐟\n");
    assert_true(json_object_get_double(json_object_object_get(object, "f")) == 1.5);
    assert_int_equal(json_object_object_length(object), 4);
    json_object_put(object);
}

/* "[[[…]]]" or {"a":{"a":…}}. */
static int parse_nested(size_t depth, const char *open, const char *close)
{
    struct text text = {.length = depth * (strlen(open) + strlen(close)) + 1};
    char *bytes = calloc(1, text.length + 1);
    struct json_object *object = NULL;
    int err;

    assert_non_null(bytes);
    for (size_t i = 0; i < depth; i++) {
        memcpy(bytes + i * strlen(open), open, strlen(open));
        bytes[text.length - i - 1] = *close;
    }
    bytes[depth * strlen(open)] = '1';
    text.bytes = bytes;
    err = parse(&text, 16, &object);
    json_object_put(object);
    free(bytes);
    return err;
}

static void depth_is_limited_exactly(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(16, "[", "]"), 0);
    assert_int_equal(parse_nested(17, "[", "]"), ERR_BAD_JSON);
    assert_int_equal(parse_nested(16, "{\"a\":", "}"), 0);
    assert_int_equal(parse_nested(17, "{\"a\":", "}"), ERR_BAD_JSON);
    assert_int_equal(parse_nested(1000000, "[", "]"), ERR_BAD_JSON);
}

static void siblings_do_not_count_as_depth(void **state)
{
    static const struct text text = TEXT("[[],[],[],[],[{}],[{}],[{}],[{}]]");
    struct json_object *object = NULL;

    (void)state;
    assert_int_equal(parse(&text, 3, &object), 0);
    json_object_put(object);
}

/* json-c alone turns a pair such as U+1D800's into U+FFFD. */
static void pairs_of_escapes_are_their_character(void **state)
{
    static const unsigned lows[] = {0x0000, 0x0041, 0xd7ff, 0xd800, 0xdbff,
                                    0xdc00, 0xdfff, 0xe000, 0xffff};

    (void)state;
    for (size_t i = 0; i < 16 * COUNT(lows); i++) {
        unsigned point = ((unsigned)(i / COUNT(lows) + 1) << 16) + lows[i % COUNT(lows)];
        const char bytes[] = {(char)(0xf0 | point >> 18), (char)(0x80 | (point >> 12 & 0x3f)),
                              (char)(0x80 | (point >> 6 & 0x3f)), (char)(0x80 | (point & 0x3f)),
                              '\0'};
        char escaped[64];
        char wanted[32];
        struct text text = {.bytes = escaped};
        struct json_object *object = NULL;

        snprintf(escaped, sizeof(escaped), "\"\\\\ud83d%s\\u%04x\\u%04X\\\\\"", bytes,
                 0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff));
        snprintf(wanted, sizeof(wanted), "\\ud83d%s%s\\", bytes, bytes);
        text.length = strlen(escaped);
        assert_int_equal(parse(&text, 1, &object), 0);
        assert_string_equal(json_object_get_string(object), wanted);
        json_object_put(object);
    }
}

static void a_nul_in_an_escape_is_replaced(void **state)
{
    static const struct {
        struct text text;
        const char *wanted;
    } cases[] = {
        {TEXT("\"a\\u0000b\""), "\"a\\ufffdb\""},
        {TEXT("\\u0000\\u0000"), "\\ufffd\\ufffd"},
        {TEXT("\\\\u0000"), "\\\\u0000"},
        {TEXT("\\\\\\u0000"), "\\\\\\ufffd"},
        {TEXT("\\u00001"), "\\ufffd1"},
        {TEXT("\\u000"), "\\u000"},
        {TEXT("\\"), "\\"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct text *text = &cases[i].text;
        char *copy = malloc(text->length);
        struct buf plain = {0};

        assert_non_null(copy);
        memcpy(copy, text->bytes, text->length);
        json_edge_without_nul(copy, text->length, &plain);
        assert_string_equal(plain.data, cases[i].wanted);
        free(copy);
        buf_release(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_json_is_parsed),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(null_at_the_top_gives_no_object),
        cmocka_unit_test(values_arrive_unchanged),
        cmocka_unit_test(depth_is_limited_exactly),
        cmocka_unit_test(siblings_do_not_count_as_depth),
        cmocka_unit_test(pairs_of_escapes_are_their_character),
        cmocka_unit_test(a_nul_in_an_escape_is_replaced),
    };

    return cmocka_run_group_tests_name("json_edge", tests, NULL, NULL);
}
