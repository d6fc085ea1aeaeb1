#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "common/err.h"
#include "common/wake.h"

static void an_event_survives_a_round_trip(void **state)
{
    struct buf text = {0};
    struct wake wake;

    (void)state;
    wake_format_event(&text, "7f3a02c49b110001", INT64_C(9007199254740991), "{\"seq\":1}");
    assert_int_equal(wake_parse(text.data, &wake), 0);
    assert_int_equal(wake.kind, WAKE_EVENT);
    assert_string_equal(wake.at.epoch, "7f3a02c49b110001");
    assert_int_equal(wake.at.seq, INT64_C(9007199254740991));
    assert_string_equal(wake.json, "{\"seq\":1}");
    buf_release(&text);
}

static void a_passing_event_survives_a_round_trip(void **state)
{
    struct buf text = {0};
    struct wake wake;

    (void)state;
    wake_format_passing(&text, "{\"type\":\"user\"}");
    assert_int_equal(wake_parse(text.data, &wake), 0);
    assert_int_equal(wake.kind, WAKE_PASSING);
    assert_string_equal(wake.json, "{\"type\":\"user\"}");
    buf_release(&text);
}

static void the_end_of_a_session_survives_a_round_trip(void **state)
{
    struct buf text = {0};
    struct wake wake;

    (void)state;
    wake_format_session_end(&text, 4711);
    assert_int_equal(wake_parse(text.data, &wake), 0);
    assert_int_equal(wake.kind, WAKE_SESSION_END);
    assert_int_equal(wake.session_id, 4711);
    assert_null(wake.json);
    buf_release(&text);
}

static void presence_is_read_as_the_script_publishes_it(void **state)
{
    struct wake wake;

    (void)state;
    assert_int_equal(wake_parse("p 1 9007199254740991 a 1795248603754", &wake), 0);
    assert_int_equal(wake.kind, WAKE_PRESENCE);
    assert_true(wake.presence.urgent);
    assert_int_equal(wake.presence.user_id, INT64_C(9007199254740991));
    assert_int_equal(wake.presence.state, 'a');
    assert_int_equal(wake.presence.seen_ms, INT64_C(1795248603754));
    assert_null(wake.json);
    assert_int_equal(wake_parse("p 0 7 0 1", &wake), 0);
    assert_false(wake.presence.urgent);
    assert_int_equal(wake.presence.state, '0');
}

/* Formats an event with JSON of `length` bytes; does its wake-up carry it? */
static bool is_carried(size_t length)
{
    struct buf json = {0};
    struct buf text = {0};
    struct wake wake;
    bool carried;

    buf_adds(&json, "{\"body\":\"");
    while (json.length < length - 2)
        buf_adds(&json, "x");
    buf_adds(&json, "\"}");
    wake_format_event(&text, "a", 7, json.data);
    assert_int_equal(wake_parse(text.data, &wake), 0);
    assert_int_equal(wake.at.seq, 7);
    carried = wake.json != NULL;
    if (carried)
        assert_string_equal(wake.json, json.data);
    buf_release(&json);
    buf_release(&text);
    return carried;
}

static void json_too_long_for_a_wake_up_is_left_out(void **state)
{
    (void)state;
    assert_true(is_carried(WAKE_JSON_MAX));
    assert_false(is_carried(WAKE_JSON_MAX + 1));
}

static void an_event_without_json_has_none(void **state)
{
    struct buf text = {0};
    struct wake wake;

    (void)state;
    wake_format_event(&text, "a", 1, NULL);
    assert_int_equal(wake_parse(text.data, &wake), 0);
    assert_null(wake.json);
    buf_release(&text);
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "e",
        "e ",
        "t",
        "t ",
        "s",
        "x 1",
        "E a 1 {}",
        "ea 1 {}",
        "e  1 {}",
        "e a",
        "e a ",
        "e a  ",
        "e a 1",
        "e a b {}",
        "e a 1{} ",
        "e a -1 {}",
        "e a  1 {}",
        "e 0123456789abcdef0 1 {}",
        "e a 1 nonsense",
        "e a 99999999999999999999 {}",
        "t nonsense",
        "t [1]",
        "s ",
        "s x",
        "s 0",
        "s -1",
        "s 1 2",
        "s 1x",
        "s 99999999999999999999",
        "p",
        "p ",
        "p 1",
        "p 1 7",
        "p 1 7 ",
        "p 1 7 a",
        "p 1 7 a ",
        "p 1 7 b 1",
        "p 1 7  1",
        "p 1 7 aa 1",
        "p 2 7 a 1",
        "p 1 0 a 1",
        "p 1 x a 1",
        "p 1 7 a x",
        "p 1 7 a 1 2",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct wake wake = {.session_id = 77};

        if (wake_parse(texts[i], &wake) != ERR_BAD_REQUEST)
            fail_msg("'%s' was taken for a wake-up", texts[i]);
        assert_int_equal(wake.session_id, 77);
    }
}

static void json_too_long_for_a_reply_is_refused(void **state)
{
    struct buf passing = {0};
    struct buf event = {0};
    struct wake wake;

    (void)state;
    buf_adds(&passing, "t {");
    buf_adds(&event, "e a 1 {");
    while (passing.length <= WAKE_JSON_MAX + 3) {
        buf_adds(&passing, " ");
        buf_adds(&event, " ");
    }
    assert_int_equal(wake_parse(passing.data, &wake), ERR_BAD_REQUEST);
    assert_int_equal(wake_parse(event.data, &wake), ERR_BAD_REQUEST);
    buf_release(&passing);
    buf_release(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_survives_a_round_trip),
        cmocka_unit_test(a_passing_event_survives_a_round_trip),
        cmocka_unit_test(the_end_of_a_session_survives_a_round_trip),
        cmocka_unit_test(presence_is_read_as_the_script_publishes_it),
        cmocka_unit_test(json_too_long_for_a_wake_up_is_left_out),
        cmocka_unit_test(an_event_without_json_has_none),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(json_too_long_for_a_reply_is_refused),
    };

    return cmocka_run_group_tests_name("wake", tests, NULL, NULL);
}
