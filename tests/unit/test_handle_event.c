#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/store_event.h"
#include "fake_request.h"
#include "fcgi-app/handoff.h"

enum { EVENTS = 300, HUBS = 2 };

static struct fake_request fake;
static union handoff_message message;
static int hubs[HUBS][2]; /* the worker's and the hub's ends */
static int hub_fds[HUBS];
static int line[2]; /* the web server's connection; the first end is ours */

/* In the place of store_event.c: the log, and what was asked for. */
static struct store_events log_now;
static struct store_event log_events[EVENTS];
static int poll_err;
static int64_t asked_user;
static int64_t asked_after;

int store_event_poll(struct pg *pg, struct arena *arena, int64_t user_id, int64_t after,
                     struct store_events *ret_events)
{
    (void)pg;
    (void)arena;
    asked_user = user_id;
    asked_after = after;
    if (poll_err == 0)
        *ret_events = log_now;
    return poll_err;
}

/* In the place of libfcgi: what was sent before the connection was parked. */
static struct buf sent;
static bool client_gone;

int FCGX_PutStr(const char *text, int length, FCGX_Stream *out)
{
    (void)out;
    if (client_gone)
        return -1;
    buf_add(&sent, text, (size_t)length);
    return length;
}

int FCGX_FFlush(FCGX_Stream *out)
{
    (void)out;
    return 0;
}

static int begin(void **state)
{
    (void)state;
    buf_clear(&sent);
    buf_adds(&sent, "");
    client_gone = false;
    log_now = (struct store_events){.epoch = "a1", .seq = 43, .floor = 40, .events = log_events};
    poll_err = 0;
    for (int i = 0; i < HUBS; i++) {
        assert_int_equal(handoff_pair(hubs[i]), 0);
        hub_fds[i] = hubs[i][0];
    }
    return socketpair(AF_UNIX, SOCK_STREAM, 0, line);
}

static int end(void **state)
{
    (void)state;
    fake_request_end(&fake);
    for (int i = 0; i < HUBS; i++) {
        close(hubs[i][0]);
        close(hubs[i][1]);
    }
    close(line[0]);
    close(line[1]);
    buf_release(&sent);
    return 0;
}

/* Asks as user 5 in session 6; what the handler returned. */
static int ask_with(const char *query, const char *accept, const char *last_id)
{
    static char param[256];

    snprintf(param, sizeof(param), "QUERY_STRING=%s", query);
    fake_request_end(&fake);
    fake_request_begin(&fake, param, "REQUEST_ID=5e1f", accept, last_id, NULL);
    fake.fcgx.requestId = 258;
    fake.fcgx.ipcFd = line[1];
    fake.worker.hub_count = HUBS;
    fake.worker.hub_fds = hub_fds;
    fake.request.caller = (struct caller){.user_id = 5, .session_id = 6};
    assert_int_equal(request_parse_query(&fake.request), 0);
    return event_poll(&fake.request, &fake.response);
}

static int poll_with(const char *query)
{
    return ask_with(query, "HTTP_ACCEPT=*/*", "HTTP_LAST_EVENT_ID=nonsense");
}

static int stream_with(const char *query, const char *last_id)
{
    return ask_with(query, "HTTP_ACCEPT=text/event-stream", last_id);
}

static void assert_member(struct json_object *object, const char *name, const char *json)
{
    struct json_object *value = NULL;

    assert_true(json_object_object_get_ex(object, name, &value));
    assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), json);
}

/* Answered with these members; how many events came? */
static size_t assert_reply(const char *from, const char *cursor, const char *more)
{
    struct json_object *reply = fake_request_reply(&fake);
    struct json_object *events = NULL;
    size_t count;

    assert_false(fake.response.parked);
    assert_member(reply, "from", from);
    assert_member(reply, "cursor", cursor);
    assert_member(reply, "more", more);
    assert_true(json_object_object_get_ex(reply, "events", &events));
    count = json_object_array_length(events);
    json_object_put(reply);
    return count;
}

static void assert_reset(const char *query, const char *reason)
{
    char member[64];

    assert_int_equal(poll_with(query), ERR_CURSOR_RESET);
    assert_non_null(fake.response.members.data);
    snprintf(member, sizeof(member), ",\"reason\":\"%s\",\"cursor\":\"a1-43\"", reason);
    assert_string_equal(fake.response.members.data, member);
}

static void a_cursor_that_does_not_fit_the_log_is_reset_with_its_reason(void **state)
{
    (void)state;
    assert_reset("cursor=b2-43", "epoch");
    assert_reset("cursor=b2-99", "epoch");
    assert_reset("cursor=b2-1", "epoch");
    assert_reset("cursor=a1-44", "ahead");
    assert_reset("cursor=a1-39", "expired");
    assert_reset("cursor=a1-0", "expired");
}

static void the_floor_and_the_end_are_within_the_log(void **state)
{
    (void)state;
    assert_int_equal(poll_with("cursor=a1-40&wait=0"), 0);
    assert_int_equal(poll_with("cursor=a1-43&wait=0"), 0);
    assert_int_equal(assert_reply("\"a1-43\"", "\"a1-43\"", "false"), 0);
}

static void without_a_cursor_the_position_is_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(poll_with("wait=50"), 0);
    assert_int_equal(asked_user, 5);
    assert_true(asked_after >= log_now.seq);
    assert_int_equal(assert_reply("\"a1-43\"", "\"a1-43\"", "false"), 0);
}

static void bad_parameters_are_refused_before_the_log_is_read(void **state)
{
    static const struct {
        const char *query;
        int err;
    } rows[] = {
        {"cursor=", ERR_BAD_CURSOR},
        {"cursor=43", ERR_BAD_CURSOR},
        {"cursor=A1-43", ERR_BAD_CURSOR},
        {"cursor=a1-43&wait=51", ERR_BAD_PARAMETER},
        {"cursor=a1-43&wait=-1", ERR_BAD_PARAMETER},
        {"cursor=a1-43&wait=", ERR_BAD_PARAMETER},
        {"cursor=a1-43&state=", ERR_BAD_PARAMETER},
        {"cursor=a1-43&state=away", ERR_BAD_PARAMETER},
        {"cursor=a1-43&tab=", ERR_BAD_PARAMETER},
        {"cursor=a1-43&tab=0123456789012345678901234567890123456", ERR_BAD_PARAMETER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        asked_user = 0;
        if (poll_with(rows[i].query) != rows[i].err)
            fail_msg("'%s' was taken", rows[i].query);
        assert_int_equal(asked_user, 0);
    }
}

static void a_log_that_cannot_be_read_is_passed_on(void **state)
{
    (void)state;
    poll_err = ERR_UNAVAILABLE;
    assert_int_equal(poll_with("cursor=a1-43"), ERR_UNAVAILABLE);
}

/* Lets the log hold `count` events after `first` - 1, each of JSON `json`. */
static void log_fill(int64_t first, int count, const char *json)
{
    for (int i = 0; i < count; i++)
        log_events[i] = (struct store_event){.seq = first + i, .json = json};
    log_now.count = count;
}

static void news_are_answered_at_once(void **state)
{
    (void)state;
    log_fill(42, 2, "{\"type\":\"x\"}");
    assert_int_equal(poll_with("cursor=a1-41&wait=50"), 0);
    assert_int_equal(asked_after, 41);
    assert_int_equal(assert_reply("\"a1-41\"", "\"a1-43\"", "false"), 2);
}

static void what_the_batch_does_not_hold_is_more(void **state)
{
    (void)state;
    log_now.seq = 300;
    log_fill(42, STORE_EVENTS_MAX, "{\"type\":\"x\"}");
    assert_int_equal(poll_with("cursor=a1-41"), 0);
    assert_int_equal(assert_reply("\"a1-41\"", "\"a1-241\"", "true"), STORE_EVENTS_MAX);
}

static void a_batch_ends_before_256_kib(void **state)
{
    struct buf json = {0};

    (void)state;
    buf_adds(&json, "{\"body\":\"");
    while (json.length < 100 * 1024)
        buf_adds(&json, "0123456789");
    buf_adds(&json, "\"}");
    log_now.seq = 44;
    log_fill(42, 3, json.data);
    assert_int_equal(poll_with("cursor=a1-41"), 0);
    assert_int_equal(assert_reply("\"a1-41\"", "\"a1-43\"", "true"), 2);
    buf_release(&json);
}

static void an_event_larger_than_a_batch_goes_alone(void **state)
{
    struct buf json = {0};

    (void)state;
    buf_adds(&json, "{\"body\":\"");
    while (json.length < 300 * 1024)
        buf_adds(&json, "0123456789");
    buf_adds(&json, "\"}");
    log_fill(42, 2, json.data);
    assert_int_equal(poll_with("cursor=a1-41"), 0);
    assert_int_equal(assert_reply("\"a1-41\"", "\"a1-42\"", "true"), 1);
    buf_release(&json);
}

static void without_news_the_connection_goes_to_the_users_hub(void **state)
{
    int64_t now = clock_mono_ms();
    int fd = -1;

    (void)state;
    assert_int_equal(poll_with("cursor=a1-43&wait=10&state=active&tab=t-1"), 0);
    assert_true(fake.response.parked);
    assert_int_equal(handoff_receive(hubs[0][1], &message, &fd), ERR_BUSY);
    assert_int_equal(handoff_receive(hubs[5 % HUBS][1], &message, &fd), 0);
    assert_int_equal(message.park.kind, HANDOFF_PARK);
    assert_int_equal(message.park.fcgi_id, 258);
    assert_int_equal(message.park.user_id, 5);
    assert_int_equal(message.park.session_id, 6);
    assert_in_range(message.park.deadline_ms, now + 10000, clock_mono_ms() + 10000);
    assert_string_equal(message.park.cursor.epoch, "a1");
    assert_int_equal(message.park.cursor.seq, 43);
    assert_string_equal(message.park.tab, "t-1");
    assert_string_equal(message.park.request_id, "5e1f");
    assert_int_equal(write(fd, "!", 1), 1);
    close(fd);
}

static void a_poll_waits_25_seconds_where_it_does_not_say(void **state)
{
    int64_t now = clock_mono_ms();
    int fd = -1;

    (void)state;
    assert_int_equal(poll_with("cursor=a1-43"), 0);
    assert_int_equal(handoff_receive(hubs[5 % HUBS][1], &message, &fd), 0);
    assert_in_range(message.park.deadline_ms, now + 25000, clock_mono_ms() + 25000);
    assert_string_equal(message.park.tab, "");
    close(fd);
}

/* What the hub of user 5 hears of a poll that was answered (LEASE_SEEN) or that waits. */
static enum handoff_presence presence_heard(const char *query, bool bearer)
{
    static char param[256];
    enum handoff_presence heard = PRESENCE_NONE;
    int fd = -1;

    snprintf(param, sizeof(param), "QUERY_STRING=%s", query);
    fake_request_end(&fake);
    fake_request_begin(&fake, param, NULL);
    fake.fcgx.ipcFd = line[1];
    fake.worker.hub_count = HUBS;
    fake.worker.hub_fds = hub_fds;
    fake.request.caller = (struct caller){.user_id = 5, .session_id = 6, .bearer = bearer};
    assert_int_equal(request_parse_query(&fake.request), 0);
    assert_int_equal(event_poll(&fake.request, &fake.response), 0);
    while (handoff_receive(hubs[1][1], &message, &fd) == 0) {
        if (message.kind == HANDOFF_PARK) {
            heard = message.park.presence;
            close(fd);
            continue;
        }
        assert_int_equal(message.kind, HANDOFF_LEASE);
        assert_int_equal(message.lease.change, LEASE_SEEN);
        assert_int_equal(message.lease.session_id, 6);
        assert_int_equal(message.lease.seq, 43);
        assert_string_equal(message.lease.tab, "T");
        heard = message.lease.presence;
    }
    return heard;
}

static void a_page_is_presence_and_a_program_only_if_it_says_so(void **state)
{
    static const char *const waits[] = {"0", "9"};
    char query[64];

    (void)state;
    for (size_t i = 0; i < COUNT(waits); i++) {
        snprintf(query, sizeof(query), "cursor=a1-43&tab=T&wait=%s", waits[i]);
        assert_int_equal(presence_heard(query, false), PRESENCE_IDLE);
        assert_int_equal(presence_heard(query, true), PRESENCE_NONE);
        snprintf(query, sizeof(query), "cursor=a1-43&tab=T&state=idle&wait=%s", waits[i]);
        assert_int_equal(presence_heard(query, true), PRESENCE_IDLE);
        snprintf(query, sizeof(query), "cursor=a1-43&tab=T&state=active&wait=%s", waits[i]);
        assert_int_equal(presence_heard(query, false), PRESENCE_ACTIVE);
        assert_int_equal(presence_heard(query, true), PRESENCE_ACTIVE);
    }
    assert_int_equal(presence_heard("tab=T&state=active", false), PRESENCE_NONE);
}

static void a_poll_the_hub_cannot_take_is_answered(void **state)
{
    struct json_object *reply;

    (void)state;
    close(hubs[5 % HUBS][1]);
    hubs[5 % HUBS][1] = -1;
    assert_int_equal(poll_with("cursor=a1-43"), 0);
    assert_int_equal(assert_reply("\"a1-43\"", "\"a1-43\"", "false"), 0);
    reply = fake_request_reply(&fake);
    /* Spread, so that they do not all come back together. */
    struct json_object *after_ms = json_object_object_get(reply, "after_ms");
    assert_in_range(json_object_get_int(after_ms), 1000, 2999);
    json_object_put(reply);
}

static void assert_parked_at(int64_t seq)
{
    int fd = -1;

    assert_true(fake.response.parked);
    assert_int_equal(handoff_receive(hubs[5 % HUBS][1], &message, &fd), 0);
    assert_true(message.park.stream);
    assert_string_equal(message.park.cursor.epoch, "a1");
    assert_int_equal(message.park.cursor.seq, seq);
    close(fd);
}

static void a_stream_begins_with_what_there_is_and_goes_to_the_hub(void **state)
{
    (void)state;
    log_fill(42, 2, "{\"type\":\"x\"}");
    assert_int_equal(stream_with("cursor=a1-41&tab=t", NULL), 0);
    assert_parked_at(43);
    assert_string_equal(message.park.tab, "t");
    assert_non_null(strstr(sent.data, "\r\nContent-Type: text/event-stream\r\n"));
    assert_non_null(strstr(sent.data, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(sent.data, "\r\nX-Request-Id: 5e1f\r\n"));
    assert_null(strstr(sent.data, "Content-Length"));
    assert_string_equal(strstr(sent.data, "\r\n\r\n") + 4,
                        "retry: 1000\nid: a1-41\n\nid: a1-42\ndata: {\"type\":\"x\"}\n\n"
                        "id: a1-43\ndata: {\"type\":\"x\"}\n\n");
}

static void a_stream_without_a_cursor_begins_at_the_end(void **state)
{
    (void)state;
    assert_int_equal(stream_with("", NULL), 0);
    assert_true(asked_after >= log_now.seq);
    assert_parked_at(43);
    assert_string_equal(strstr(sent.data, "\r\n\r\n") + 4, "retry: 1000\nid: a1-43\n\n");
}

static void the_last_event_id_wins_over_the_cursor(void **state)
{
    (void)state;
    assert_int_equal(stream_with("cursor=a1-41", "HTTP_LAST_EVENT_ID=a1-43"), 0);
    assert_int_equal(asked_after, 43);
    assert_parked_at(43);
    assert_int_equal(stream_with("cursor=nonsense", "HTTP_LAST_EVENT_ID=a1-42"), 0);
    assert_int_equal(asked_after, 42);
    assert_int_equal(stream_with("cursor=a1-41", "HTTP_LAST_EVENT_ID="), 0);
    assert_int_equal(asked_after, 41);
    asked_user = 0;
    assert_int_equal(stream_with("cursor=a1-41", "HTTP_LAST_EVENT_ID=43"), ERR_BAD_CURSOR);
    assert_int_equal(asked_user, 0);
    assert_int_equal(stream_with("", "HTTP_LAST_EVENT_ID=b2-43"), ERR_CURSOR_RESET);
    assert_non_null(strstr(fake.response.members.data, "\"reason\":\"epoch\""));
}

static void what_a_stream_cannot_bring_at_once_it_comes_back_for(void **state)
{
    struct buf json = {0};

    (void)state;
    buf_adds(&json, "{\"body\":\"");
    while (json.length < 30 * 1024)
        buf_adds(&json, "0123456789");
    buf_adds(&json, "\"}");
    log_now.seq = 44;
    log_fill(42, 3, json.data);
    assert_int_equal(stream_with("cursor=a1-41", NULL), 0);
    assert_false(fake.response.parked);
    assert_false(fake.response.opened);
    assert_string_equal(fake.response.type, "text/event-stream");
    assert_non_null(strstr(fake.response.body.data, "id: a1-43\n"));
    assert_null(strstr(fake.response.body.data, "id: a1-44\n"));
    assert_non_null(strstr(fake.response.body.data, "\n\nretry: 50\n\n"));
    assert_true(fake.response.body.length < 65 * 1024);
    buf_release(&json);
}

static void a_stream_the_hub_cannot_take_ends_and_comes_back_later(void **state)
{
    int retry_ms = 0;

    (void)state;
    close(hubs[5 % HUBS][1]);
    hubs[5 % HUBS][1] = -1;
    assert_int_equal(stream_with("cursor=a1-43", NULL), 0);
    assert_false(fake.response.parked);
    assert_true(fake.response.opened);
    assert_int_equal(sscanf(fake.response.body.data, "retry: %d\n\n", &retry_ms), 1);
    assert_in_range(retry_ms, 1000, 2999);
}

static void a_stream_whose_reader_has_gone_is_not_parked(void **state)
{
    int fd = -1;

    (void)state;
    client_gone = true;
    assert_int_equal(stream_with("cursor=a1-43", NULL), 0);
    assert_false(fake.response.parked);
    assert_int_equal(handoff_receive(hubs[5 % HUBS][1], &message, &fd), ERR_BUSY);
}

#define event_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        event_test(a_cursor_that_does_not_fit_the_log_is_reset_with_its_reason),
        event_test(the_floor_and_the_end_are_within_the_log),
        event_test(without_a_cursor_the_position_is_told_at_once),
        event_test(bad_parameters_are_refused_before_the_log_is_read),
        event_test(a_log_that_cannot_be_read_is_passed_on),
        event_test(news_are_answered_at_once),
        event_test(what_the_batch_does_not_hold_is_more),
        event_test(a_batch_ends_before_256_kib),
        event_test(an_event_larger_than_a_batch_goes_alone),
        event_test(without_news_the_connection_goes_to_the_users_hub),
        event_test(a_poll_waits_25_seconds_where_it_does_not_say),
        event_test(a_page_is_presence_and_a_program_only_if_it_says_so),
        event_test(a_poll_the_hub_cannot_take_is_answered),
        event_test(a_stream_begins_with_what_there_is_and_goes_to_the_hub),
        event_test(a_stream_without_a_cursor_begins_at_the_end),
        event_test(the_last_event_id_wins_over_the_cursor),
        event_test(what_a_stream_cannot_bring_at_once_it_comes_back_for),
        event_test(a_stream_the_hub_cannot_take_ends_and_comes_back_later),
        event_test(a_stream_whose_reader_has_gone_is_not_parked),
    };

    return cmocka_run_group_tests_name("handle_event", tests, NULL, NULL);
}
