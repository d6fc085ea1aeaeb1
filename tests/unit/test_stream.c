#include "unit.h"

#include "fcgi-app/stream.h"

static void an_accept_header_asks_for_a_stream_by_name(void **state)
{
    static const char *const yes[] = {
        "text/event-stream",
        "Text/Event-Stream",
        "text/event-stream;charset=utf-8",
        " text/event-stream , a",
        "application/json, text/event-stream",
        "*/*,text/event-stream;q=0.5",
    };
    static const char *const no[] = {
        "",
        "*/*",
        "text/*",
        "text/event-streams",
        "application/json",
        "xtext/event-stream",
        ",,",
        "application/json;x=text/event-stream",
    };

    (void)state;
    assert_false(stream_is_accepted(NULL));
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(stream_is_accepted(yes[i]));
    for (size_t i = 0; i < COUNT(no); i++)
        assert_false(stream_is_accepted(no[i]));
}

static void blocks_are_as_browsers_read_them(void **state)
{
    struct buf buf = {0};

    (void)state;
    stream_add_start(&buf, "a1-5", 1000);
    stream_add_event(&buf, "a1-6", "{\"n\":6}");
    stream_add_event(&buf, NULL, "{\"type\":\"typing\"}");
    stream_add_ping(&buf);
    stream_add_superseded(&buf, 1000);
    stream_add_end(&buf, 50);
    assert_string_equal(buf.data, "retry: 1000\nid: a1-5\n\n"
                                  "id: a1-6\ndata: {\"n\":6}\n\n"
                                  "data: {\"type\":\"typing\"}\n\n"
                                  ": ping\n\n"
                                  "event: superseded\nretry: 1000\ndata: {}\n\n"
                                  "retry: 50\n\n");
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accept_header_asks_for_a_stream_by_name),
        cmocka_unit_test(blocks_are_as_browsers_read_them),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
