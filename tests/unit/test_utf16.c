#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "notifier/utf16.h"

#define FAMILY "👩‍👧‍👦" /* 8 units, 18 bytes */

static size_t units(const char *text)
{
    return utf16_units(text, strlen(text));
}

static void units_are_those_of_utf_16(void **state)
{
    (void)state;
    assert_int_equal(units(""), 0);
    assert_int_equal(units("abc"), 3);
    assert_int_equal(units("Привет"), 6);
    assert_int_equal(units("\xef\xbf\xbf"), 1);
    assert_int_equal(units("\xf0\x90\x80\x80"), 2);
    assert_int_equal(units(FAMILY), 8);
}

static void assert_shortened(const char *text, size_t max_units, size_t max_bytes,
                             const char *wanted)
{
    struct buf buf = {0};

    buf_adds(&buf, "<");
    buf_adds(&buf, text);
    utf16_shorten(&buf, 1, max_units, max_bytes);
    assert_string_equal(buf.data + 1, wanted);
    buf_release(&buf);
}

static void what_fits_is_left_alone(void **state)
{
    (void)state;
    assert_shortened("", 1, 3, "");
    assert_shortened("abcd", 4, 4, "abcd");
    assert_shortened("жжжж", 4, 8, "жжжж");
    assert_shortened("😀😀", 4, 8, "😀😀");
    assert_shortened(FAMILY, 8, 18, FAMILY);
}

static void what_is_too_long_ends_in_dots(void **state)
{
    (void)state;
    assert_shortened("abcde", 4, 100, "abc…");
    assert_shortened("abcde", 1, 100, "…");
    assert_shortened("abcdefghi", 100, 8, "abcde…");
    assert_shortened("жжжжж", 100, 8, "жж…");
}

/* A pair of surrogates, a letter with its accent, a family, a flag, Hangul: whole or not at all. */
static void cuts_are_between_graphemes(void **state)
{
    (void)state;
    assert_shortened("a😀😀", 4, 100, "a😀…");
    assert_shortened("a😀😀", 3, 100, "a…");
    assert_shortened("ae\xcc\x81xyz", 3, 100, "a…");
    assert_shortened("ae\xcc\x81xyz", 4, 100, "ae\xcc\x81…");
    assert_shortened("ab" FAMILY "c", 10, 100, "ab…");
    assert_shortened("ab" FAMILY "cd", 11, 100, "ab" FAMILY "…");
    assert_shortened("a🇩🇪🇫🇷", 6, 100, "a🇩🇪…");
    assert_shortened("a👍🏽b", 5, 100, "a…");
    assert_shortened("xy\r\nz", 4, 100, "xy…");
}

/* One grapheme that is longer than the limit: better a part of it than nothing. */
static void a_grapheme_that_is_too_long_is_cut_between_points(void **state)
{
    struct buf text = {0};
    size_t kept;

    (void)state;
    buf_adds(&text, "e");
    for (int i = 0; i < 5000; i++)
        buf_adds(&text, "\xcc\x81");
    kept = utf16_cut(text.data, text.length, 100, 100000);
    assert_int_equal(utf16_units(text.data, kept), 99);
    kept = utf16_cut(text.data, text.length, 100000, 100);
    assert_int_equal(kept, 97);
    assert_true(utf8_valid(text.data, kept));
    buf_release(&text);
}

static void cuts_keep_both_limits(void **state)
{
    static const char *const parts[] = {"a", "ж", "中", "😀", "e\xcc\x81", FAMILY, " ", "\n"};

    (void)state;
    srandom(5);
    for (int i = 0; i < 20000; i++) {
        size_t max_units = 1 + (size_t)random() % 60, max_bytes = 3 + (size_t)random() % 150;
        struct buf text = {0};

        buf_reserve(&text, 0);
        for (long left = random() % 40; left > 0; left--)
            buf_adds(&text, parts[(size_t)random() % COUNT(parts)]);
        utf16_shorten(&text, 0, max_units, max_bytes);
        assert_true(text.length <= max_bytes);
        assert_true(utf16_units(text.data, text.length) <= max_units);
        assert_true(utf8_valid(text.data, text.length));
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_those_of_utf_16),
        cmocka_unit_test(what_fits_is_left_alone),
        cmocka_unit_test(what_is_too_long_ends_in_dots),
        cmocka_unit_test(cuts_are_between_graphemes),
        cmocka_unit_test(a_grapheme_that_is_too_long_is_cut_between_points),
        cmocka_unit_test(cuts_keep_both_limits),
    };

    return cmocka_run_group_tests_name("utf16", tests, NULL, NULL);
}
