#include "unit.h"

#include <errno.h>
#include <fastcgi.h>
#include <json-c/json_tokener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "fcgi-app/hub_state.h"

enum { CAP = 3, ANN = 10, BEN = 20, FCGI_ID = 258, REPLY_MAX = 80 * 1024 };

static const struct conf conf = {.polls_per_user = CAP};
static struct hub hub;

/* In the place of hub_redis.c and hub_verify.c: what the table asked of them. */
static enum follow follow_answer;
static int leaves;
static int looks;
static int epoch_looks;
static int renewals;
static int64_t look_user; /* whose doubt the last look was wanted for, 0: nobody's */
static int look_waiters;  /* how many waited then */

void hub_redis_follow(struct hub_redis *redis, struct hub_user *user)
{
    (void)redis;
    user->follow = follow_answer;
}

void hub_redis_leave(struct hub_redis *redis, struct hub_user *user)
{
    (void)redis;
    user->follow = FOLLOW_LEAVING;
    leaves++;
}

void hub_verify_kick(struct hub_verify *verify)
{
    struct hub_user *user;
    struct hub_user *next;

    (void)verify;
    looks++;
    look_user = 0;
    HASH_ITER (hh, hub.users, user, next) {
        if (user->unsure) {
            look_user = user->id;
            look_waiters = user->waiter_count;
        }
    }
}

void hub_verify_epoch(struct hub_verify *verify)
{
    (void)verify;
    epoch_looks++;
}

void hub_verify_renew(struct hub_verify *verify)
{
    (void)verify;
    renewals++;
}

static int hub_begin(void **state)
{
    (void)state;
    hub = (struct hub){.conf = &conf, .base = event_base_new(), .epoch = "a1"};
    TAILQ_INIT(&hub.doubted);
    TAILQ_INIT(&hub.news);
    hub.wait = hub_wait_new(&hub);
    follow_answer = FOLLOW_NO;
    leaves = looks = epoch_looks = renewals = 0;
    look_user = look_waiters = 0;
    return hub.base == NULL;
}

static int hub_end(void **state)
{
    struct hub_user *user;
    struct hub_user *next;

    (void)state;
    hub_table_drain(&hub);
    assert_int_equal(hub.waiter_count, 0);
    HASH_ITER (hh, hub.users, user, next)
        hub_user_free(&hub, user);
    hub_ended_expire(&hub, INT64_MAX);
    hub_wait_free(hub.wait);
    event_base_free(hub.base);
    buf_release(&hub.reply);
    return 0;
}

/* Turns the loop until nothing is ready any more. */
static void loop_turn(void)
{
    assert_true(event_base_loop(hub.base, EVLOOP_NONBLOCK) >= 0);
}

struct poll {
    int64_t user_id;
    int64_t session_id;
    int64_t seq;
    const char *tab;
    const char *epoch; /* NULL: the hub's */
    bool stream;
};

/* Parks a poll; the browser's end of its connection. */
static int poll_park(struct poll poll)
{
    struct handoff_park park = {
        .kind = HANDOFF_PARK,
        .fcgi_id = FCGI_ID,
        .stream = poll.stream,
        .user_id = poll.user_id,
        .session_id = poll.session_id ? poll.session_id : 1,
        .deadline_ms = clock_mono_ms() + 60000,
        .cursor = {.seq = poll.seq},
        .request_id = "5e1f",
    };
    int ends[2];

    snprintf(park.cursor.epoch, sizeof(park.cursor.epoch), "%s", poll.epoch ? poll.epoch : "a1");
    snprintf(park.tab, sizeof(park.tab), "%s", poll.tab ? poll.tab : "");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    hub_park(&hub, &park, ends[1]);
    return ends[0];
}

#define park(...) poll_park((struct poll){__VA_ARGS__})

static void assert_waits(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
    assert_int_equal(errno, EAGAIN);
}

/* One FastCGI record's header, checked; the length of its content. */
static size_t record_read(const unsigned char *bytes, int type)
{
    assert_int_equal(bytes[0], FCGI_VERSION_1);
    assert_int_equal(bytes[1], type);
    assert_int_equal(bytes[2] << 8 | bytes[3], FCGI_ID);
    assert_int_equal(bytes[6], 0); /* padding */
    return (size_t)bytes[4] << 8 | bytes[5];
}

/* The reply that ended a poll: one STDOUT record, one END_REQUEST, and the connection is closed.
 * Its body is the caller's to put. */
static struct json_object *reply_read(int fd, int status)
{
    static unsigned char bytes[REPLY_MAX];
    const unsigned char *end;
    size_t length = 0;
    ssize_t got;
    size_t content;
    char line[32];
    char *body;
    struct json_object *reply;

    while ((got = recv(fd, bytes + length, sizeof(bytes) - length, MSG_DONTWAIT)) > 0)
        length += (size_t)got;
    assert_int_equal(got, 0); /* not: still open */
    close(fd);
    assert_true(length > FCGI_HEADER_LEN);
    content = record_read(bytes, FCGI_STDOUT);
    assert_int_equal(length, FCGI_HEADER_LEN + content + sizeof(FCGI_EndRequestRecord));
    end = bytes + FCGI_HEADER_LEN + content;
    assert_int_equal(record_read(end, FCGI_END_REQUEST), sizeof(FCGI_EndRequestBody));
    for (size_t i = FCGI_HEADER_LEN; i < sizeof(FCGI_EndRequestRecord); i++)
        assert_int_equal(end[i], 0); /* exit code 0, FCGI_REQUEST_COMPLETE */

    bytes[FCGI_HEADER_LEN + content] = '\0';
    body = (char *)bytes + FCGI_HEADER_LEN;
    snprintf(line, sizeof(line), "Status: %d ", status);
    assert_memory_equal(body, line, strlen(line));
    assert_non_null(strstr(body, "\r\nX-Request-Id: 5e1f\r\n"));
    assert_non_null(strstr(body, "\r\nCache-Control: no-store\r\n"));
    body = strstr(body, "\r\n\r\n");
    assert_non_null(body);
    reply = json_tokener_parse(body + 4);
    assert_non_null(reply);
    return reply;
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object, name, &value))
        fail_msg("no member %s", name);
    return value;
}

static void assert_text(struct json_object *object, const char *name, const char *text)
{
    assert_string_equal(json_object_get_string(member(object, name)), text);
}

/* Answered without an event, standing at `cursor`; after_ms. */
static int assert_answered(int fd, const char *cursor, bool more)
{
    struct json_object *reply = reply_read(fd, 200);
    int after_ms = json_object_get_int(member(reply, "after_ms"));

    assert_text(reply, "from", cursor);
    assert_text(reply, "cursor", cursor);
    assert_int_equal(json_object_get_boolean(member(reply, "more")), more);
    assert_int_equal(json_object_array_length(member(reply, "events")), 0);
    assert_false(json_object_object_get_ex(reply, "superseded", NULL));
    json_object_put(reply);
    return after_ms;
}

static void assert_more(int fd, const char *cursor)
{
    assert_int_equal(assert_answered(fd, cursor, true), 0);
}

/* Answered with one event. */
static void assert_event(int fd, const char *from, const char *cursor, const char *type)
{
    struct json_object *reply = reply_read(fd, 200);

    assert_text(reply, "from", from);
    assert_text(reply, "cursor", cursor);
    assert_false(json_object_get_boolean(member(reply, "more")));
    assert_int_equal(json_object_array_length(member(reply, "events")), 1);
    assert_text(json_object_array_get_idx(member(reply, "events"), 0), "type", type);
    json_object_put(reply);
}

static void assert_unauthorized(int fd)
{
    struct json_object *reply = reply_read(fd, 401);

    assert_text(reply, "code", "unauthorized");
    assert_int_equal(json_object_get_int(member(reply, "status")), 401);
    json_object_put(reply);
}

static void event_wake(int64_t user_id, const char *epoch, int64_t seq, const char *json)
{
    struct buf text = {0};

    wake_format_event(&text, epoch, seq, json);
    hub_wake(&hub, user_id, text.data);
    buf_release(&text);
}

static void session_wake(int64_t user_id, int64_t session_id)
{
    struct buf text = {0};

    wake_format_session_end(&text, session_id);
    hub_wake(&hub, user_id, text.data);
    buf_release(&text);
}

/* Followed, with everything up to `known` certain. */
static struct hub_user *user_known(int64_t user_id, int64_t known)
{
    struct hub_user *user = hub_user_find(&hub, user_id);

    assert_non_null(user);
    user->follow = FOLLOW_YES;
    user->known = known;
    hub_user_trust(&hub, user);
    return user;
}

static void a_poll_is_registered_before_the_look(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    assert_int_equal(looks, 1);
    assert_int_equal(look_user, ANN);
    assert_int_equal(look_waiters, 1);
    assert_waits(fd);
    close(fd);
}

static void with_a_subscription_on_its_way_its_acknowledgement_looks(void **state)
{
    int fd;

    (void)state;
    follow_answer = FOLLOW_ASKED;
    fd = park(ANN, .seq = 5);
    assert_int_equal(looks, 0);
    assert_waits(fd);
    close(fd);
}

static void the_first_poll_tells_a_new_hub_its_epoch(void **state)
{
    int fd;

    (void)state;
    hub.epoch[0] = '\0';
    fd = park(ANN, .seq = 5, .epoch = "beef");
    assert_string_equal(hub.epoch, "beef");
    assert_waits(fd);
    close(fd);
}

static void a_poll_at_the_known_position_waits_without_a_look(void **state)
{
    int first = park(ANN, .seq = 5);
    int second;

    (void)state;
    user_known(ANN, 5);
    looks = 0;
    second = park(ANN, .seq = 5);
    assert_int_equal(looks, 0);
    assert_waits(second);
    close(first);
    close(second);
}

static void a_poll_behind_the_known_position_brings_a_look_that_tells(void **state)
{
    int first = park(ANN, .seq = 5);
    int second;

    (void)state;
    user_known(ANN, 5);
    looks = 0;
    second = park(ANN, .seq = 4);
    assert_int_equal(looks, 1);
    assert_waits(second);
    hub_verified(&hub, ANN, 1, 5, true);
    assert_more(second, "a1-4");
    assert_waits(first);
    close(first);
}

static void a_look_that_finds_less_than_was_known_wants_a_new_epoch(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    user_known(ANN, 5)->looked = 5;
    hub_verified(&hub, ANN, 1, 4, true); /* the log was put back */
    assert_int_equal(renewals, 1);
    assert_waits(fd);
    hub_epoch_changed(&hub, "b2");
    assert_more(fd, "a1-5");
    hub_verified(&hub, ANN, 1, 4, true); /* nothing of before counts any more */
    assert_int_equal(renewals, 1);
}

static void a_poll_ahead_of_the_known_position_moves_it(void **state)
{
    int first = park(ANN, .seq = 5);
    int second;

    (void)state;
    user_known(ANN, 5);
    second = park(ANN, .seq = 7);
    assert_int_equal(hub_user_find(&hub, ANN)->known, 7);
    assert_waits(second);
    looks = 0;
    first = (close(first), park(ANN, .seq = 6));
    assert_int_equal(looks, 1);
    close(first);
    close(second);
}

static void the_older_poll_of_a_tab_gives_way(void **state)
{
    int other_tab = park(ANN, .seq = 5, .tab = "u");
    int no_tab = park(ANN, .seq = 5);
    int other_user = park(BEN, .seq = 9, .tab = "t");
    int older = park(ANN, .seq = 5, .tab = "t");
    int newer = park(ANN, .seq = 5, .tab = "t");
    struct json_object *reply = reply_read(older, 200);

    (void)state;
    assert_true(json_object_get_boolean(member(reply, "superseded")));
    assert_int_equal(json_object_get_int(member(reply, "after_ms")), 1000);
    assert_false(json_object_get_boolean(member(reply, "more")));
    assert_text(reply, "cursor", "a1-5");
    json_object_put(reply);
    assert_waits(newer);
    assert_waits(other_tab);
    assert_waits(no_tab);
    assert_waits(other_user);
    close(newer);
    close(other_tab);
    close(no_tab);
    close(other_user);
}

static void presence_wake(int64_t user_id)
{
    hub_wake(&hub, user_id, "p 0 7 i 1"); /* not urgent: rides along */
}

static size_t events_count(int fd)
{
    struct json_object *reply = reply_read(fd, 200);
    size_t count = json_object_array_length(member(reply, "events"));

    json_object_put(reply);
    return count;
}

static void news_go_to_the_poll_that_takes_the_place_of_another(void **state)
{
    int older = park(ANN, .seq = 5, .tab = "t");
    int newer;

    (void)state;
    presence_wake(ANN);
    newer = park(ANN, .seq = 5, .tab = "t");
    assert_int_equal(events_count(older), 0);
    event_wake(ANN, "a1", 6, "{}");
    assert_int_equal(events_count(newer), 2);
}

static void news_are_kept_until_all_who_waited_were_told(void **state)
{
    int behind = park(ANN, .seq = 5, .tab = "t");
    int ahead = park(ANN, .seq = 6, .tab = "u");
    int later;

    (void)state;
    presence_wake(ANN);
    event_wake(ANN, "a1", 6, "{}");
    assert_int_equal(events_count(behind), 2);
    assert_waits(ahead);
    event_wake(ANN, "a1", 7, "{}");
    assert_int_equal(events_count(ahead), 2);
    later = park(ANN, .seq = 7, .tab = "t");
    event_wake(ANN, "a1", 8, "{}");
    assert_int_equal(events_count(later), 1);
}

static void devices_with_the_same_tab_do_not_disturb_each_other(void **state)
{
    int one = park(ANN, .session_id = 7, .seq = 5, .tab = "main");
    int other = park(ANN, .session_id = 8, .seq = 5, .tab = "main");

    (void)state;
    assert_waits(one);
    assert_waits(other);
    close(one);
    close(other);
}

static void polls_without_a_tab_do_not_disturb_each_other(void **state)
{
    int first = park(ANN, .seq = 5);
    int second = park(ANN, .seq = 5);

    (void)state;
    assert_waits(first);
    assert_waits(second);
    close(first);
    close(second);
}

static void past_the_cap_the_oldest_is_answered(void **state)
{
    int fds[CAP + 1];

    (void)state;
    for (int i = 0; i < CAP; i++)
        fds[i] = park(ANN, .seq = i);
    for (int i = 0; i < CAP; i++)
        assert_waits(fds[i]);
    fds[CAP] = park(ANN, .seq = CAP);
    assert_int_equal(assert_answered(fds[0], "a1-0", false), 1000);
    assert_int_equal(hub_user_find(&hub, ANN)->waiter_count, CAP);
    for (int i = 1; i <= CAP; i++) {
        assert_waits(fds[i]);
        close(fds[i]);
    }
}

static void a_newer_poll_of_a_tab_takes_its_own_place_under_the_cap(void **state)
{
    int fds[CAP];
    int newer;

    (void)state;
    for (int i = 0; i < CAP; i++)
        fds[i] = park(ANN, .seq = 5, .tab = i == 1 ? "t" : "");
    newer = park(ANN, .seq = 5, .tab = "t");
    json_object_put(reply_read(fds[1], 200));
    assert_waits(fds[0]);
    assert_waits(fds[2]);
    assert_waits(newer);
    close(fds[0]);
    close(fds[2]);
    close(newer);
}

static void the_very_next_event_is_answered_inline(void **state)
{
    int fd = park(ANN, .seq = 5);
    int other = park(BEN, .seq = 5);

    (void)state;
    event_wake(ANN, "a1", 6, "{\"seq\":6,\"type\":\"message.new\"}");
    assert_event(fd, "a1-5", "a1-6", "message.new");
    assert_waits(other);
    close(other);
}

static void an_event_beyond_a_gap_means_more(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    event_wake(ANN, "a1", 7, "{\"seq\":7,\"type\":\"message.new\"}");
    assert_more(fd, "a1-5");
}

static void an_event_too_long_for_its_wake_up_means_more(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    event_wake(ANN, "a1", 6, NULL);
    assert_more(fd, "a1-5");
}

static void the_longest_event_of_a_wake_up_is_answered_inline(void **state)
{
    int fd = park(ANN, .seq = 5);
    struct buf json = {0};

    (void)state;
    buf_adds(&json, "{\"type\":\"message.new\",\"body\":\"");
    while (json.length < WAKE_JSON_MAX - 2)
        buf_adds(&json, "x");
    buf_adds(&json, "\"}");
    event_wake(ANN, "a1", 6, json.data);
    buf_release(&json);
    assert_event(fd, "a1-5", "a1-6", "message.new");
}

static void a_stale_wake_up_is_ignored(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    user_known(ANN, 5);
    event_wake(ANN, "a1", 5, "{\"seq\":5}");
    event_wake(ANN, "a1", 1, "{\"seq\":1}");
    assert_waits(fd);
    assert_int_equal(hub_user_find(&hub, ANN)->known, 5);
    close(fd);
}

static void an_event_moves_the_known_position(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    user_known(ANN, 5);
    event_wake(ANN, "a1", 6, "{\"type\":\"x\"}");
    assert_event(fd, "a1-5", "a1-6", "x");
    assert_int_equal(hub_user_find(&hub, ANN)->known, 6);
}

static void an_event_makes_nothing_known_that_was_not(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    event_wake(ANN, "a1", 6, "{\"type\":\"x\"}");
    assert_event(fd, "a1-5", "a1-6", "x");
    assert_int_equal(hub_user_find(&hub, ANN)->known, -1);
}

static void an_event_of_another_epoch_brings_a_look(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    user_known(ANN, 5);
    looks = 0;
    event_wake(ANN, "b2", 6, "{\"type\":\"x\"}");
    assert_waits(fd);
    assert_int_equal(looks, 1);
    assert_int_equal(look_user, ANN);
    close(fd);
}

static void a_passing_event_leaves_the_cursor_where_it_is(void **state)
{
    int first = park(ANN, .seq = 5);
    int second = park(ANN, .seq = 6);

    (void)state;
    hub_wake(&hub, ANN, "t {\"type\":\"user\"}");
    assert_event(first, "a1-5", "a1-5", "user");
    assert_event(second, "a1-6", "a1-6", "user");
}

static void a_wake_up_that_is_none_changes_nothing(void **state)
{
    int fd = park(ANN, .seq = 5);

    (void)state;
    unit_stderr_begin();
    hub_wake(&hub, ANN, "nonsense");
    assert_non_null(strstr(unit_stderr_end(), "none of ours"));
    hub_wake(&hub, BEN, "s 1"); /* nobody waits for Ben */
    assert_null(hub_user_find(&hub, BEN));
    assert_true(hub_ended_has(&hub, 1)); /* but somebody may, too late */
    assert_waits(fd);
    close(fd);
}

static void an_ended_session_is_refused_and_nobody_elses(void **state)
{
    int first = park(ANN, .session_id = 7, .seq = 5);
    int second = park(ANN, .session_id = 7, .seq = 5);
    int other = park(ANN, .session_id = 8, .seq = 5);

    (void)state;
    session_wake(ANN, 7);
    assert_unauthorized(first);
    assert_unauthorized(second);
    assert_waits(other);
    close(other);
}

static void later_polls_of_an_ended_session_are_refused(void **state)
{
    int other = park(ANN, .session_id = 8, .seq = 5);
    int later;

    (void)state;
    user_known(ANN, 5);
    session_wake(ANN, 7);
    assert_unauthorized(park(ANN, .session_id = 7, .seq = 5));
    assert_unauthorized(park(ANN, .session_id = 7, .seq = 5));
    later = park(ANN, .session_id = 9, .seq = 5);
    assert_waits(later);
    assert_waits(other);
    close(later);
    close(other);
}

static void a_look_that_found_more_sends_back_those_behind(void **state)
{
    int behind = park(ANN, .session_id = 7, .seq = 5);
    int same = park(ANN, .session_id = 8, .seq = 6);

    (void)state;
    hub_verified(&hub, ANN, 7, 6, true);
    assert_more(behind, "a1-5");
    assert_waits(same);
    close(same);
}

static void a_look_makes_the_position_known_only_while_followed(void **state)
{
    int fd = park(ANN, .seq = 5);
    struct hub_user *user = hub_user_find(&hub, ANN);

    (void)state;
    hub_verified(&hub, ANN, 1, 5, true);
    assert_int_equal(user->known, -1);
    user->follow = FOLLOW_YES;
    hub_verified(&hub, ANN, 1, 5, true);
    assert_int_equal(user->known, 5);
    hub_verified(&hub, ANN, 1, 4, true); /* a look that was overtaken */
    assert_int_equal(user->known, 5);
    assert_waits(fd);
    close(fd);
}

static void a_look_refuses_sessions_that_ended(void **state)
{
    int ended = park(ANN, .session_id = 7, .seq = 5);
    int other = park(ANN, .session_id = 8, .seq = 5);

    (void)state;
    hub_verified(&hub, ANN, 7, 5, false);
    assert_unauthorized(ended);
    assert_waits(other);
    hub_verified(&hub, ANN, 8, -1, true); /* the account is gone */
    assert_unauthorized(other);
    hub_verified(&hub, BEN, 1, 5, true); /* left meanwhile */
}

static void a_new_epoch_answers_everybody(void **state)
{
    int ann = park(ANN, .seq = 5);
    int ben = park(BEN, .seq = 9);
    int later;

    (void)state;
    user_known(ANN, 5);
    unit_stderr_begin();
    hub_epoch_changed(&hub, "b2");
    assert_non_null(strstr(unit_stderr_end(), "b2"));
    assert_more(ann, "a1-5");
    assert_more(ben, "a1-9");
    assert_int_equal(hub_user_find(&hub, ANN)->known, -1);
    later = park(ANN, .seq = 1, .epoch = "b2");
    assert_waits(later);
    close(later);
}

static void a_poll_of_another_epoch_comes_back_and_brings_a_look(void **state)
{
    (void)state;
    assert_in_range(assert_answered(park(ANN, .seq = 3, .epoch = "b2"), "b2-3", false), 0, 1000);
    assert_int_equal(epoch_looks, 1); /* nobody waits whom another look could be about */
    assert_int_equal(hub.waiter_count, 0);
}

static void a_drain_answers_everybody_within_the_spread(void **state)
{
    enum { USERS = 50 };
    int fds[USERS];
    int after_ms = 0;
    int sum = 0;

    (void)state;
    for (int i = 0; i < USERS; i++)
        fds[i] = park(i + 1, .seq = 5);
    hub_table_drain(&hub);
    for (int i = 0; i < USERS; i++) {
        after_ms = assert_answered(fds[i], "a1-5", false);
        assert_in_range(after_ms, 0, 1000 + USERS - 1);
        sum += after_ms;
    }
    assert_true(sum > 0); /* not all at once */
    assert_int_equal(hub.waiter_count, 0);
}

static void an_ending_hub_takes_nobody(void **state)
{
    (void)state;
    hub.ending = true;
    assert_in_range(assert_answered(park(ANN, .seq = 3), "a1-3", false), 0, 1000);
    assert_int_equal(looks, 0);
    assert_int_equal(hub.waiter_count, 0);
}

static void a_hub_without_descriptors_to_spare_sends_polls_home(void **state)
{
    int first = park(ANN, .seq = 5);

    (void)state;
    hub.waiters_max = 1;
    assert_in_range(assert_answered(park(BEN, .seq = 7), "a1-7", false), 2000, 2999);
    assert_null(hub_user_find(&hub, BEN));
    assert_waits(first);
    close(first);
    loop_turn();
    first = park(BEN, .seq = 7);
    assert_waits(first);
    close(first);
}

static void a_browser_that_leaves_is_forgotten(void **state)
{
    int stays = park(ANN, .seq = 5);
    int leaves_fd = park(ANN, .seq = 5);

    (void)state;
    close(leaves_fd);
    loop_turn();
    assert_int_equal(hub.waiter_count, 1);
    assert_waits(stays);
    close(stays);
    loop_turn();
    assert_int_equal(hub.waiter_count, 0);
    assert_int_equal(hub_user_find(&hub, ANN)->waiter_count, 0);
    event_wake(ANN, "a1", 6, "{\"type\":\"x\"}"); /* to nobody */
}

static void an_unread_body_is_discarded(void **state)
{
    static const char body[64 * 1024] = "{}";
    int fd = park(ANN, .seq = 5);

    (void)state;
    assert_int_equal(send(fd, body, sizeof(body), MSG_DONTWAIT), sizeof(body));
    loop_turn();
    assert_int_equal(hub.waiter_count, 1);
    assert_waits(fd);
    /* There is room again, so it was read. */
    assert_int_equal(send(fd, body, sizeof(body), MSG_DONTWAIT), sizeof(body));
    loop_turn();
    event_wake(ANN, "a1", 6, "{\"type\":\"x\"}");
    assert_event(fd, "a1-5", "a1-6", "x");
}

static void a_poll_is_answered_when_its_time_is_over(void **state)
{
    struct handoff_park over = {.kind = HANDOFF_PARK,
                                .fcgi_id = FCGI_ID,
                                .user_id = ANN,
                                .session_id = 1,
                                .deadline_ms = clock_mono_ms() - 1,
                                .cursor = {.epoch = "a1", .seq = 5},
                                .request_id = "5e1f"};
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    hub_park(&hub, &over, ends[1]);
    assert_int_equal(event_base_loop(hub.base, EVLOOP_ONCE), 0);
    assert_int_equal(assert_answered(ends[0], "a1-5", false), 0);
    assert_int_equal(hub.waiter_count, 0);
}

/* What a stream has got since the last look, without its FastCGI records: "END" where the request
 * ends, then "CLOSED". */
static const char *stream_read(int fd)
{
    static unsigned char bytes[REPLY_MAX];
    static struct buf text;
    size_t length = 0;
    ssize_t got;

    while ((got = recv(fd, bytes + length, sizeof(bytes) - length, MSG_DONTWAIT)) > 0)
        length += (size_t)got;
    buf_clear(&text);
    buf_adds(&text, "");
    for (size_t at = 0; at < length;) {
        size_t content = (size_t)bytes[at + 4] << 8 | bytes[at + 5];
        assert_int_equal(bytes[at + 2] << 8 | bytes[at + 3], FCGI_ID);
        if (bytes[at + 1] == FCGI_STDOUT)
            buf_add(&text, bytes + at + FCGI_HEADER_LEN, content);
        else
            buf_adds(&text, "END");
        at += FCGI_HEADER_LEN + content;
        assert_true(at <= length);
    }
    if (got == 0)
        buf_adds(&text, "CLOSED");
    return text.data;
}

static void assert_stream(int fd, const char *text)
{
    assert_string_equal(stream_read(fd), text);
}

/* It ended and its browser comes back after so many milliseconds. */
static void assert_stream_ended(int fd, int retry_ms)
{
    char text[64];

    snprintf(text, sizeof(text), "retry: %d\n\nENDCLOSED", retry_ms);
    assert_stream(fd, text);
    close(fd);
}

static void a_stream_goes_on_after_an_event(void **state)
{
    int fd = park(ANN, .seq = 5, .stream = true);

    (void)state;
    event_wake(ANN, "a1", 6, "{\"n\":6}");
    event_wake(ANN, "a1", 6, "{\"n\":6}"); /* told twice */
    event_wake(ANN, "a1", 7, "{\"n\":7}");
    hub_wake(&hub, ANN, "t {\"type\":\"typing\"}");
    event_wake(ANN, "a1", 8, "{\"n\":8}");
    assert_stream(fd, "id: a1-6\ndata: {\"n\":6}\n\nid: a1-7\ndata: {\"n\":7}\n\n"
                      "data: {\"type\":\"typing\"}\n\nid: a1-8\ndata: {\"n\":8}\n\n");
    assert_int_equal(hub.waiter_count, 1);
    close(fd);
}

static void polls_and_streams_of_one_user_do_not_disturb_each_other(void **state)
{
    int streams[2] = {park(ANN, .seq = 5, .stream = true), park(ANN, .seq = 5, .stream = true)};
    int poll = park(ANN, .seq = 5);

    (void)state;
    event_wake(ANN, "a1", 6, "{\"type\":\"x\"}");
    assert_event(poll, "a1-5", "a1-6", "x");
    for (int i = 0; i < 2; i++) {
        assert_stream(streams[i], "id: a1-6\ndata: {\"type\":\"x\"}\n\n");
        close(streams[i]);
    }
}

static void a_stream_that_misses_something_comes_back_for_it(void **state)
{
    int gap = park(ANN, .seq = 5, .stream = true);
    int too_long = park(BEN, .seq = 5, .stream = true);
    int looked_at = park(30, .seq = 5, .stream = true);

    (void)state;
    event_wake(ANN, "a1", 7, "{\"n\":7}");
    event_wake(BEN, "a1", 6, NULL);
    hub_verified(&hub, 30, 1, 6, true);
    assert_stream_ended(gap, 50);
    assert_stream_ended(too_long, 50);
    assert_stream_ended(looked_at, 50);
}

static void a_stream_ends_with_its_session_and_its_epoch(void **state)
{
    int ended = park(ANN, .session_id = 7, .seq = 5, .stream = true);
    int other = park(ANN, .session_id = 8, .seq = 5, .stream = true);

    (void)state;
    session_wake(ANN, 7);
    assert_stream_ended(ended, 50);
    assert_waits(other);
    assert_stream_ended(park(ANN, .session_id = 7, .seq = 5, .stream = true), 50);
    unit_stderr_begin();
    hub_epoch_changed(&hub, "b2");
    unit_stderr_end();
    assert_stream_ended(other, 50);
}

static void a_stream_gives_way_to_the_next_of_its_tab_and_past_the_cap(void **state)
{
    int streams[CAP + 1];
    int tab = park(BEN, .seq = 5, .tab = "t", .stream = true);
    int newer = park(BEN, .seq = 5, .tab = "t");

    (void)state;
    assert_stream(tab, "event: superseded\nretry: 1000\ndata: {}\n\nENDCLOSED");
    close(tab);
    tab = park(BEN, .seq = 5, .tab = "t", .stream = true);
    json_object_put(reply_read(newer, 200));
    for (int i = 0; i <= CAP; i++)
        streams[i] = park(ANN, .seq = 5, .stream = true);
    assert_stream_ended(streams[0], 1000);
    for (int i = 1; i <= CAP; i++) {
        assert_waits(streams[i]);
        close(streams[i]);
    }
    assert_waits(tab);
    close(tab);
}

static void a_stream_the_hub_cannot_take_ends(void **state)
{
    int fd;

    (void)state;
    hub.ending = true;
    fd = park(ANN, .seq = 5, .stream = true);
    assert_non_null(strstr(stream_read(fd), "ENDCLOSED"));
    assert_int_equal(hub.waiter_count, 0);
    close(fd);
}

static void a_drain_ends_streams_within_the_spread(void **state)
{
    int fd = park(ANN, .seq = 5, .stream = true);
    int retry_ms = 0;

    (void)state;
    hub_table_drain(&hub);
    assert_int_equal(sscanf(stream_read(fd), "retry: %d\n\nENDCLOSED", &retry_ms), 1);
    assert_in_range(retry_ms, 50, 1000);
    close(fd);
}

static void a_stream_is_pinged_and_goes_on(void **state)
{
    int fd = park(ANN, .seq = 5, .stream = true);

    (void)state;
    hub_waiter_due(&hub, TAILQ_FIRST(&hub_user_find(&hub, ANN)->waiters));
    hub_waiter_due(&hub, TAILQ_FIRST(&hub_user_find(&hub, ANN)->waiters));
    event_wake(ANN, "a1", 6, "{}");
    assert_stream(fd, ": ping\n\n: ping\n\nid: a1-6\ndata: {}\n\n");
    close(fd);
}

static void a_reader_that_never_reads_is_dropped(void **state)
{
    int fd = park(ANN, .seq = 0, .stream = true);
    int reads = park(ANN, .seq = 0, .stream = true);
    struct buf json = {0};
    int64_t seq = 0;

    (void)state;
    buf_adds(&json, "{\"body\":\"");
    while (json.length < WAKE_JSON_MAX - 2)
        buf_adds(&json, "x");
    buf_adds(&json, "\"}");
    while (hub.waiter_count == 2 && seq < 100) {
        event_wake(ANN, "a1", ++seq, json.data);
        (void)stream_read(reads);
    }
    assert_in_range(seq, 2, 10); /* what the socket holds, and no more */
    assert_waits(reads);
    event_wake(ANN, "a1", seq + 1, "{}");
    assert_non_null(strstr(stream_read(reads), "data: {}"));
    buf_release(&json);
    close(fd);
    close(reads);
}

/* A round's first step. */
static void sweep(void)
{
    hub_table_sweep_again(&hub);
    hub_table_sweep(&hub, HUB_SWEEP_MS);
}

static void a_sweep_doubts_everybody_who_waits(void **state)
{
    int fd = park(ANN, .seq = 5);
    struct hub_user *user = user_known(ANN, 5);

    (void)state;
    looks = 0;
    sweep();
    assert_true(user->unsure);
    assert_int_equal(looks, 1);
    close(fd);
}

static int unsure_count(void)
{
    struct hub_user *user;
    int count = 0;

    for (user = hub.users; user != NULL; user = user->hh.next)
        count += user->unsure;
    return count;
}

static void a_sweep_of_many_is_spread_over_its_time_and_misses_nobody(void **state)
{
    enum { MANY = 400, ROUND_MS = 5000 };
    int fds[MANY];
    int doubted;
    int before = 0;
    int steps = 0;
    int gone = 0;
    struct hub_user *user;

    (void)state;
    for (int i = 0; i < MANY; i++)
        fds[i] = park(BEN + 1 + i, .seq = 5);
    for (user = hub.users; user != NULL; user = user->hh.next)
        hub_user_trust(&hub, user);
    hub_table_sweep_again(&hub);
    do {
        hub_table_sweep(&hub, ROUND_MS);
        doubted = unsure_count();
        assert_in_range(doubted - before, 1, 200);
        before = doubted;
        steps++;
        if (steps == 2) { /* whom it comes to next may go */
            gone = (int)(hub.sweep_next->id - BEN - 1);
            close(fds[gone]);
            loop_turn();
            hub_user_free(&hub, hub.sweep_next);
        }
    } while (hub.sweep_next != NULL);
    assert_int_equal(doubted, MANY - 1);
    assert_true(steps <= ROUND_MS / HUB_TICK_MS);
    hub_table_sweep(&hub, ROUND_MS);
    assert_null(hub.sweep_next); /* it rests until the next round */
    for (int i = 0; i < MANY; i++)
        if (i != gone)
            close(fds[i]);
    loop_turn();
}

static void a_sweep_that_is_late_takes_longer_steps_and_one_begun_again_starts_with_the_first(
    void **state)
{
    enum { MANY = 400 };
    int fds[MANY];
    struct hub_user *user;

    (void)state;
    for (int i = 0; i < MANY; i++)
        fds[i] = park(BEN + 1 + i, .seq = 5);
    for (user = hub.users; user != NULL; user = user->hh.next)
        hub_user_trust(&hub, user);
    hub_table_sweep_again(&hub);
    hub_table_sweep(&hub, HUB_SWEEP_MS);
    assert_in_range(unsure_count(), 100, 120);
    hub.sweep_step_at -= HUB_SWEEP_MS / 2;
    hub_table_sweep(&hub, HUB_SWEEP_MS);
    assert_in_range(unsure_count(), 400, 400);
    hub_user_trust(&hub, hub.users);
    hub_table_sweep(&hub, HUB_SWEEP_MS);
    assert_false(hub.users->unsure); /* it rests */
    hub_table_sweep_again(&hub);
    hub_table_sweep(&hub, HUB_SWEEP_ALONE_MS);
    assert_true(hub.users->unsure);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    loop_turn();
}

static void a_sweep_lets_go_of_users_nobody_waited_for_lately(void **state)
{
    struct hub_user *user;

    (void)state;
    close(park(ANN, .seq = 5));
    close(park(BEN, .seq = 5));
    loop_turn();
    looks = 0;
    user = user_known(ANN, 5);
    sweep();
    assert_ptr_equal(hub_user_find(&hub, ANN), user);
    assert_non_null(hub_user_find(&hub, BEN));
    user->idle_since -= HUB_FOLLOW_MS;
    hub_user_find(&hub, BEN)->idle_since -= HUB_FOLLOW_MS;
    sweep();
    assert_int_equal(leaves, 1); /* Ann was subscribed to */
    assert_int_equal(user->follow, FOLLOW_LEAVING);
    assert_null(hub_user_find(&hub, BEN));
    assert_int_equal(looks, 0);
}

#define hub_test(test) cmocka_unit_test_setup_teardown(test, hub_begin, hub_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        hub_test(a_poll_is_registered_before_the_look),
        hub_test(with_a_subscription_on_its_way_its_acknowledgement_looks),
        hub_test(the_first_poll_tells_a_new_hub_its_epoch),
        hub_test(a_poll_at_the_known_position_waits_without_a_look),
        hub_test(a_poll_behind_the_known_position_brings_a_look_that_tells),
        hub_test(a_look_that_finds_less_than_was_known_wants_a_new_epoch),
        hub_test(a_poll_ahead_of_the_known_position_moves_it),
        hub_test(the_older_poll_of_a_tab_gives_way),
        hub_test(news_go_to_the_poll_that_takes_the_place_of_another),
        hub_test(news_are_kept_until_all_who_waited_were_told),
        hub_test(devices_with_the_same_tab_do_not_disturb_each_other),
        hub_test(polls_without_a_tab_do_not_disturb_each_other),
        hub_test(past_the_cap_the_oldest_is_answered),
        hub_test(a_newer_poll_of_a_tab_takes_its_own_place_under_the_cap),
        hub_test(the_very_next_event_is_answered_inline),
        hub_test(an_event_beyond_a_gap_means_more),
        hub_test(an_event_too_long_for_its_wake_up_means_more),
        hub_test(the_longest_event_of_a_wake_up_is_answered_inline),
        hub_test(a_stale_wake_up_is_ignored),
        hub_test(an_event_moves_the_known_position),
        hub_test(an_event_makes_nothing_known_that_was_not),
        hub_test(an_event_of_another_epoch_brings_a_look),
        hub_test(a_passing_event_leaves_the_cursor_where_it_is),
        hub_test(a_wake_up_that_is_none_changes_nothing),
        hub_test(an_ended_session_is_refused_and_nobody_elses),
        hub_test(later_polls_of_an_ended_session_are_refused),
        hub_test(a_look_that_found_more_sends_back_those_behind),
        hub_test(a_look_makes_the_position_known_only_while_followed),
        hub_test(a_look_refuses_sessions_that_ended),
        hub_test(a_new_epoch_answers_everybody),
        hub_test(a_poll_of_another_epoch_comes_back_and_brings_a_look),
        hub_test(a_drain_answers_everybody_within_the_spread),
        hub_test(an_ending_hub_takes_nobody),
        hub_test(a_hub_without_descriptors_to_spare_sends_polls_home),
        hub_test(a_browser_that_leaves_is_forgotten),
        hub_test(an_unread_body_is_discarded),
        hub_test(a_poll_is_answered_when_its_time_is_over),
        hub_test(a_stream_goes_on_after_an_event),
        hub_test(polls_and_streams_of_one_user_do_not_disturb_each_other),
        hub_test(a_stream_that_misses_something_comes_back_for_it),
        hub_test(a_stream_ends_with_its_session_and_its_epoch),
        hub_test(a_stream_gives_way_to_the_next_of_its_tab_and_past_the_cap),
        hub_test(a_stream_the_hub_cannot_take_ends),
        hub_test(a_drain_ends_streams_within_the_spread),
        hub_test(a_stream_is_pinged_and_goes_on),
        hub_test(a_reader_that_never_reads_is_dropped),
        hub_test(a_sweep_doubts_everybody_who_waits),
        hub_test(a_sweep_of_many_is_spread_over_its_time_and_misses_nobody),
        hub_test(a_sweep_that_is_late_takes_longer_steps_and_one_begun_again_starts_with_the_first),
        hub_test(a_sweep_lets_go_of_users_nobody_waited_for_lately),
    };

    return cmocka_run_group_tests_name("hub_table", tests, NULL, NULL);
}
