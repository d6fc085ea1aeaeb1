#include "unit.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

static void buffer_grows_and_stays_terminated(void **state)
{
    struct buf buf = {0};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        buf_addi(&buf, i % 10);
        assert_int_equal(buf.data[buf.length], '\0');
    }
    assert_int_equal(buf.length, 10000);
    assert_memory_equal(buf.data + 9990, "0123456789", 10);
    buf_release(&buf);
    assert_null(buf.data);
}

static void clear_keeps_the_memory(void **state)
{
    struct buf buf;
    char *data;

    (void)state;
    buf_init(&buf);
    buf_clear(&buf);
    assert_null(buf.data);
    buf_adds(&buf, "text");
    data = buf.data;
    buf_clear(&buf);
    assert_string_equal(buf.data, "");
    buf_adds(&buf, "more");
    assert_ptr_equal(buf.data, data);
    buf_release(&buf);
}

static void cut_takes_the_end_away(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_cut(&buf, 0);
    buf_adds(&buf, "text");
    buf_cut(&buf, 4);
    assert_string_equal(buf.data, "text");
    buf_cut(&buf, 2);
    buf_adds(&buf, "a");
    assert_string_equal(buf.data, "tea");
    assert_int_equal(buf.length, 3);
    buf_release(&buf);
}

static void reserved_room_needs_no_allocation(void **state)
{
    struct buf buf = {0};
    char *data;

    (void)state;
    buf_reserve(&buf, 5000);
    data = buf.data;
    for (int i = 0; i < 5000; i++)
        buf_add(&buf, "x", 1);
    assert_ptr_equal(buf.data, data);
    buf_release(&buf);
}

static void format_longer_than_the_room_is_whole(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_addf(&buf, "%255s", "a"); /* fills the first allocation to its last byte */
    buf_addf(&buf, "%03d%5000s", 7, "z");
    assert_int_equal(buf.length, 255 + 3 + 5000);
    assert_memory_equal(buf.data + 254, "a007 ", 5);
    buf_release(&buf);
}

static void numbers_are_exact(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_addi(&buf, INT64_MIN);
    buf_adds(&buf, " ");
    buf_addi(&buf, INT64_MAX);
    assert_string_equal(buf.data, "-9223372036854775808 9223372036854775807");
    buf_release(&buf);
}

static void json_text_comes_back_from_a_parser(void **state)
{
    static const char *const texts[] = {
        "",
        "plain",
        "\"quotes\" and \\slashes\\",
        "a\nb\tc\r\b\f",
        "\x01\x02\x1f\x7f",
        "жизнь 生",
        "\xe2\x80\xa8",
        "🐟👩‍👧",
        "</script>",
        "\\u0041",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buf buf = {0};
        struct json_object *object;

        buf_add_json(&buf, texts[i]);
        object = json_tokener_parse(buf.data);
        assert_non_null(object);
        assert_string_equal(json_object_get_string(object), texts[i]);
        for (size_t j = 0; j < buf.length; j++)
            assert_true((unsigned char)buf.data[j] >= 0x20);
        json_object_put(object);
        buf_release(&buf);
    }
}

static void json_escapes_are_the_short_ones(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_add_json(&buf, "\"\\\n\x01/");
    assert_string_equal(buf.data, "\"\\\"\\\\\\n\\u0001/\"");
    buf_clear(&buf);
    buf_add_json(&buf, NULL);
    assert_string_equal(buf.data, "null");
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_grows_and_stays_terminated),
        cmocka_unit_test(clear_keeps_the_memory),
        cmocka_unit_test(cut_takes_the_end_away),
        cmocka_unit_test(reserved_room_needs_no_allocation),
        cmocka_unit_test(format_longer_than_the_room_is_whole),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(json_text_comes_back_from_a_parser),
        cmocka_unit_test(json_escapes_are_the_short_ones),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
