#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "common/err.h"
#include "common/utf8.h"

/* A literal with its length, so that NUL can be inside. */
#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

struct text {
    const char *bytes;
    size_t length;
};

static void well_formed_text_is_valid(void **state)
{
    static const struct text texts[] = {
        TEXT(""),
        TEXT("plain"),
        TEXT("Привет"),
        TEXT("👩‍👧‍👦"),
        TEXT("\xc2\x80"),
        TEXT("\xdf\xbf"),
        TEXT("\xe0\xa0\x80"),
        TEXT("\xed\x9f\xbf"),
        TEXT("\xee\x80\x80"),
        TEXT("\xf0\x90\x80\x80"),
        TEXT("\xf4\x8f\xbf\xbf"),
        TEXT("\x01\x7f"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_true(utf8_valid(texts[i].bytes, texts[i].length));
}

static void malformed_text_is_not_valid(void **state)
{
    static const struct text texts[] = {
        TEXT("\x80"),             /* continuation alone */
        TEXT("\xc0\x80"),         /* overlong NUL */
        TEXT("\xc1\xbf"),         /* overlong */
        TEXT("\xe0\x9f\xbf"),     /* overlong */
        TEXT("\xf0\x8f\xbf\xbf"), /* overlong */
        TEXT("\xed\xa0\x80"),     /* high surrogate */
        TEXT("\xed\xbf\xbf"),     /* low surrogate */
        TEXT("\xf4\x90\x80\x80"), /* past U+10FFFF */
        TEXT("\xf8\x88\x80\x80\x80"),
        TEXT("\xff"),
        TEXT("abc\xc3"),      /* cut */
        TEXT("\xe2\x82"),     /* cut */
        TEXT("\xe2\x28\xa1"), /* broken in the middle */
        TEXT("a\0b"),         /* NUL */
        TEXT("\0"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_false(utf8_valid(texts[i].bytes, texts[i].length));
}

static void count_is_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_count("", 0), 0);
    assert_int_equal(utf8_count("straße", strlen("straße")), 6);
    assert_int_equal(utf8_count("Привет", strlen("Привет")), 6);
    assert_int_equal(utf8_count("👩‍👧", strlen("👩‍👧")), 3);
    assert_int_equal(utf8_count("e\xcc\x81", 3), 2);
}

static void controls_are_seen(void **state)
{
    static const char *const with[] = {"a\n",      "\t",       "\x01",         "x\x7f",
                                       "\xc2\x85", "\xc2\x9f", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    static const char *const without[] = {"", "a b", "\xc2\xa0", "👩‍👧", "\xe2\x80\x8d",
                                          "é"};

    (void)state;
    for (size_t i = 0; i < COUNT(with); i++)
        assert_true(utf8_has_control(with[i], strlen(with[i])));
    for (size_t i = 0; i < COUNT(without); i++)
        assert_false(utf8_has_control(without[i], strlen(without[i])));
}

static void what_nobody_can_see_is_blank(void **state)
{
    static const char *const blank[] = {
        "",
        " ",
        "\t\n\v\f\r ",
        "\xc2\xa0",                 /* no-break space */
        "\xe2\x80\x8b\xe2\x80\x8d", /* zero-width space and joiner */
        "\xef\xbb\xbf",             /* byte order mark */
        "\xe3\x80\x80",             /* ideographic space */
        "\xc2\xad",                 /* soft hyphen */
        "\xe3\x85\xa4",             /* Hangul filler */
        "\xef\xb8\x8f",             /* variation selector */
        "\xe2\x80\xa8",
        "\xc2\x85",
    };
    static const char *const visible[] = {"a", " a ", "👩‍👧", ".", "\xe2\x80\x8b.", "ж"};

    (void)state;
    for (size_t i = 0; i < COUNT(blank); i++)
        assert_true(utf8_blank(blank[i], strlen(blank[i])));
    for (size_t i = 0; i < COUNT(visible); i++)
        assert_false(utf8_blank(visible[i], strlen(visible[i])));
}

static void trim_takes_white_space_at_both_ends_only(void **state)
{
    static const char *const rows[][2] = {
        {"  a b  ", "a b"}, {"\t\n\xc2\xa0x\xe3\x80\x80", "x"},
        {"", ""},           {" \xe2\x80\xa8 ", ""},
        {"ж", "ж"},         {" 👩‍👧 ", "👩‍👧"},
        {"\xc2\x85y", "y"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *text = rows[i][0];
        size_t length = strlen(text);

        utf8_trim(&text, &length);
        assert_int_equal(length, strlen(rows[i][1]));
        assert_memory_equal(text, rows[i][1], length);
    }
}

static void assert_same_key(const char *one, const char *other)
{
    char *one_key = NULL, *other_key = NULL;

    assert_int_equal(utf8_fold(one, strlen(one), &one_key), 0);
    assert_int_equal(utf8_fold(other, strlen(other), &other_key), 0);
    assert_string_equal(one_key, other_key);
    free(one_key);
    free(other_key);
}

static void names_that_look_alike_share_a_key(void **state)
{
    static const char *const rows[][2] = {
        {"STRASSE", "straße"},
        {"STRAẞE", "strasse"},
        {"АЛИСА", "алиса"},
        {"Ёж", "ёЖ"},
        {"ﬁsh", "FISH"},
        {"ﬃ", "ffi"},
        {"Ａｌｉｃｅ", "alice"},
        {"e\xcc\x81", "é"},
        {"ΣΊΣΥΦΟΣ", "σίσυφος"},
        {"①", "1"},
        {"al\xe2\x80\x8bice", "alice"},
        {"al\xc2\xadice", "alice"},
        {"K", "k"} /* Kelvin sign */,
        {"Å", "å"} /* Ångström sign */,
        {"ǅ", "ǆ"},
        {"İ", "i̇"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_same_key(rows[i][0], rows[i][1]);
}

static void different_names_keep_different_keys(void **state)
{
    static const char *const rows[][2] = {
        {"alice", "аlice"} /* Cyrillic а */, {"a b", "ab"}, {"é", "e"}, {"ё", "е"}, {"👩", "👨"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *one = NULL, *other = NULL;

        assert_int_equal(utf8_fold(rows[i][0], strlen(rows[i][0]), &one), 0);
        assert_int_equal(utf8_fold(rows[i][1], strlen(rows[i][1]), &other), 0);
        assert_string_not_equal(one, other);
        free(one);
        free(other);
    }
}

static void ignorable_text_folds_to_nothing(void **state)
{
    char *key = NULL;

    (void)state;
    assert_int_equal(utf8_fold("\xe2\x80\x8b\xc2\xad", 5, &key), 0);
    assert_string_equal(key, "");
    free(key);
}

/* A key made of a key is that key: else a name could be registered twice. */
static void folding_twice_changes_nothing(void **state)
{
    (void)state;
    for (utf8proc_int32_t point = 1; point <= 0x10ffff; point++) {
        utf8proc_uint8_t text[4];
        size_t length;
        char *once = NULL, *twice = NULL;

        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        length = (size_t)utf8proc_encode_char(point, text);
        assert_int_equal(utf8_fold((const char *)text, length, &once), 0);
        assert_int_equal(utf8_fold(once, strlen(once), &twice), 0);
        if (strcmp(once, twice) != 0)
            fail_msg("U+%04X folds to '%s', and that to '%s'", (unsigned)point, once, twice);
        free(once);
        free(twice);
    }
}

static void malformed_text_has_no_key(void **state)
{
    char *key = NULL;

    (void)state;
    assert_int_equal(utf8_fold("a\xff", 2, &key), ERR_INVALID);
    assert_int_equal(utf8_fold("a\0b", 3, &key), ERR_INVALID);
    assert_null(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_text_is_valid),
        cmocka_unit_test(malformed_text_is_not_valid),
        cmocka_unit_test(count_is_code_points),
        cmocka_unit_test(controls_are_seen),
        cmocka_unit_test(what_nobody_can_see_is_blank),
        cmocka_unit_test(trim_takes_white_space_at_both_ends_only),
        cmocka_unit_test(names_that_look_alike_share_a_key),
        cmocka_unit_test(different_names_keep_different_keys),
        cmocka_unit_test(ignorable_text_folds_to_nothing),
        cmocka_unit_test(folding_twice_changes_nothing),
        cmocka_unit_test(malformed_text_has_no_key),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
