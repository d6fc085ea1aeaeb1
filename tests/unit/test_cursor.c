#include "unit.h"

#include "common/cursor.h"
#include "common/err.h"

static void cursors_survive_a_round_trip(void **state)
{
    static const char *const texts[] = {"7f3a02c49b11-41", "0-0", "ffffffffffffffff-1",
                                        "a-9007199254740991"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cursor cursor;
        char text[CURSOR_TEXT_MAX];

        assert_int_equal(cursor_parse(texts[i], &cursor), 0);
        cursor_format(&cursor, text);
        assert_string_equal(text, texts[i]);
    }
}

static void parts_are_read(void **state)
{
    struct cursor cursor;

    (void)state;
    assert_int_equal(cursor_parse("7f3a-41", &cursor), 0);
    assert_string_equal(cursor.epoch, "7f3a");
    assert_int_equal(cursor.seq, 41);
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "-",
        "7f3a",
        "7f3a-",
        "-41",
        "7f3a-041",
        "7f3a-+1",
        "7f3a--1",
        "7F3A-1",
        "7g-1",
        "a-1 ",
        " a-1",
        "a -1",
        "a-1-2",
        "a-0x1",
        "a-1.0",
        "a-00",
        "a-1\n",
        "a-٣",
        "a_1",
        "a-9007199254740992",
        "a-99999999999999999",
        "a-18446744073709551617",
        "00000000000000000-1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cursor cursor = {.seq = 7};

        assert_int_equal(cursor_parse(texts[i], &cursor), ERR_BAD_CURSOR);
        assert_int_equal(cursor.seq, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursors_survive_a_round_trip),
        cmocka_unit_test(parts_are_read),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
