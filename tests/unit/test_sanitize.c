#include "unit.h"

#include <string.h>

#include "notifier/sanitize.h"

#define JOINER "\xe2\x81\xa0"

enum kind { NAME, LINE, BODY };

static bool sanitize(struct buf *buf, enum kind kind, const char *text)
{
    if (kind == NAME)
        return sanitize_name(buf, text, 64);
    return kind == LINE ? sanitize_line(buf, text) : sanitize_text(buf, text);
}

/* NULL: there is nothing to see. */
static void assert_sanitized(enum kind kind, const char *text, const char *wanted)
{
    struct buf buf = {0};

    buf_adds(&buf, "<");
    assert_int_equal(sanitize(&buf, kind, text), wanted != NULL);
    assert_string_equal(buf.data + 1, wanted ? wanted : "");
    buf_release(&buf);
}

static void ordinary_text_is_untouched(void **state)
{
    static const char *const texts[] = {
        "hello",
        "Привет, мир",
        "*bold* _it_ `code` [x](y) <b>",
        "👩‍👧‍👦 👍🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️",
        "می‌خواهم",
        "https://example.org/a/b?c=/d",
        "either/or",
        "1/2",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_sanitized(BODY, texts[i], texts[i]);
        assert_sanitized(LINE, texts[i], texts[i]);
    }
    for (size_t i = 0; i < 4; i++)
        assert_sanitized(NAME, texts[i], texts[i]);
}

static void names_and_lines_are_one_line(void **state)
{
    static const char text[] = " \n Alice\r\n\tB.\xc2\xa0\xe3\x80\x80 C\xe2\x80\xa8"
                               "D\xc2\x85"
                               "E\x01\x7f ";

    (void)state;
    assert_sanitized(NAME, text, "Alice B. C D E");
    assert_sanitized(LINE, text, "Alice B. C D E");
}

static void a_text_keeps_its_lines(void **state)
{
    (void)state;
    assert_sanitized(BODY,
                     "a\n  b\r\nc\rd\xe2\x80\xa9"
                     "e\x0b"
                     "f",
                     "a\n  b\nc\nd\ne\nf");
    assert_sanitized(BODY,
                     "a\tb\x01"
                     "c\x7f"
                     "d\xc2\x9f",
                     "a b c d");
    assert_sanitized(BODY, "\n\n a\n\n", "a");
}

static void empty_lines_do_not_push_the_name_out_of_sight(void **state)
{
    (void)state;
    assert_sanitized(BODY, "a\n\nb", "a\n\nb");
    assert_sanitized(BODY, "a\n\n\n\n\nb", "a\n\nb");
    assert_sanitized(BODY, "a\n \n\xe2\x80\x8b\n\xe2\xa0\x80\n\xe3\x85\xa4\r\n\xef\xbf\xbc\nb",
                     "a\n\nb");
}

static void nothing_reorders_what_is_around_it(void **state)
{
    static const char *const overrides[] = {"\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac",
                                            "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6",
                                            "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9",
                                            "\xe2\x81\xaa", "\xef\xbf\xb9"};
    struct buf text = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(overrides); i++, buf_clear(&text)) {
        buf_addf(&text, "a%sb", overrides[i]);
        for (int kind = NAME; kind <= BODY; kind++)
            assert_sanitized((enum kind)kind, text.data, "ab");
    }
    buf_release(&text);
    assert_sanitized(NAME,
                     "Al\xe2\x80\x8e\xe2\x80\x8bi\xc2\xad"
                     "ce\xef\xbb\xbf",
                     "Alice");
}

/* Or ": 7 new messages" behind it would be read as "messages new 7 :". */
static void names_from_right_to_left_are_isolated(void **state)
{
    (void)state;
    assert_sanitized(NAME, "דני", "\xe2\x81\xa8דני\xe2\x81\xa9");
    assert_sanitized(NAME, "ali \xd8\xb9\xd9\x84\xd9\x8a",
                     "\xe2\x81\xa8"
                     "ali \xd8\xb9\xd9\x84\xd9\x8a\xe2\x81\xa9");
    assert_sanitized(BODY, "דני", "דני");
}

static void commands_are_no_buttons(void **state)
{
    (void)state;
    for (int kind = NAME; kind <= BODY; kind++) {
        assert_sanitized((enum kind)kind, "/unlink", "/" JOINER "unlink");
        assert_sanitized((enum kind)kind,
                         "tap /mute, /un\xe2\x80\xae"
                         "mute@bot",
                         "tap /" JOINER "mute, /" JOINER "unmute@bot");
        assert_sanitized((enum kind)kind,
                         "/\xe2\x80\xae"
                         "unlink",
                         "/" JOINER "unlink");
        assert_sanitized((enum kind)kind, "(/start)", "(/" JOINER "start)");
        assert_sanitized((enum kind)kind, "/ж / a //b </c d/e", "/ж / a //b </c d/e");
        assert_sanitized((enum kind)kind, "see /etc/passwd", "see /etc/passwd");
        assert_sanitized((enum kind)kind, "http://a.b/?c=/d /e", "http://a.b/?c=/d /" JOINER "e");
    }
    assert_sanitized(BODY, "a\n/unlink", "a\n/" JOINER "unlink");
}

static void what_nobody_can_see_is_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "\t\n\r\n",
        "\xe2\x80\x8b\xe2\x80\x8d",
        "\xe2\xa0\x80",
        "\xe3\x85\xa4 \xef\xbf\xbc",
        "\xe2\x80\xae",
        "\x01\x02",
        "\xc2\xa0\xef\xb8\x8f",
        "\xcd\x8f",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        for (int kind = NAME; kind <= BODY; kind++)
            assert_sanitized((enum kind)kind, texts[i], NULL);
}

static void a_long_name_is_cut_inside_its_isolate(void **state)
{
    struct buf buf = {0};

    (void)state;
    assert_true(sanitize_name(&buf, "דניאלה", 4));
    assert_string_equal(buf.data, "\xe2\x81\xa8דני…\xe2\x81\xa9");
    buf_release(&buf);
}

static void malformed_bytes_are_replaced(void **state)
{
    (void)state;
    assert_sanitized(NAME,
                     "a\xff"
                     "b",
                     "a\xef\xbf\xbd"
                     "b");
    assert_sanitized(BODY, "a\xed\xa0\x80", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_sanitized(LINE, "a\xf0\x9f", "a\xef\xbf\xbd\xef\xbf\xbd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_text_is_untouched),
        cmocka_unit_test(names_and_lines_are_one_line),
        cmocka_unit_test(a_text_keeps_its_lines),
        cmocka_unit_test(empty_lines_do_not_push_the_name_out_of_sight),
        cmocka_unit_test(nothing_reorders_what_is_around_it),
        cmocka_unit_test(names_from_right_to_left_are_isolated),
        cmocka_unit_test(commands_are_no_buttons),
        cmocka_unit_test(what_nobody_can_see_is_nothing),
        cmocka_unit_test(a_long_name_is_cut_inside_its_isolate),
        cmocka_unit_test(malformed_bytes_are_replaced),
    };

    return cmocka_run_group_tests_name("sanitize", tests, NULL, NULL);
}
