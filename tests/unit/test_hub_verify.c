#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "fake_pg.h"
#include "fcgi-app/hub_state.h"

enum { ANN = 10, BEN = 20, VERIFIED_MAX = 8 };

static const struct conf conf = {.database_url = "postgresql:///test"};
static struct hub hub;

/* In the place of hub_table.c: what the look told. */
static struct {
    int64_t user_id;
    int64_t session_id;
    int64_t seq;
    bool alive;
} verified[VERIFIED_MAX];
static int verified_count;
static char new_epoch[CURSOR_EPOCH_MAX + 1];

void hub_verified(struct hub *told, int64_t user_id, int64_t session_id, int64_t seq, bool alive)
{
    assert_ptr_equal(told, &hub);
    assert_true(verified_count < VERIFIED_MAX);
    verified[verified_count].user_id = user_id;
    verified[verified_count].session_id = session_id;
    verified[verified_count].seq = seq;
    verified[verified_count++].alive = alive;
}

void hub_epoch_changed(struct hub *told, const char *epoch)
{
    assert_ptr_equal(told, &hub);
    assert_true(strlen(epoch) < sizeof(new_epoch));
    memcpy(new_epoch, epoch, strlen(epoch) + 1);
    memcpy(told->epoch, epoch, strlen(epoch) + 1);
}

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    hub = (struct hub){.conf = &conf, .base = event_base_new(), .epoch = "a1"};
    TAILQ_INIT(&hub.doubted);
    hub.verify = hub_verify_new(&hub);
    verified_count = 0;
    new_epoch[0] = '\0';
    return hub.base == NULL;
}

static int end(void **state)
{
    struct hub_user *user;
    struct hub_user *next;
    struct waiter *waiter;

    (void)state;
    hub_verify_free(hub.verify);
    HASH_ITER (hh, hub.users, user, next) {
        while ((waiter = TAILQ_FIRST(&user->waiters)) != NULL) {
            TAILQ_REMOVE(&user->waiters, waiter, of_user);
            free(waiter);
        }
        HASH_DEL(hub.users, user);
        free(user);
    }
    event_base_free(hub.base);
    fake_pg_end();
    return 0;
}

/* A user in doubt, for whom these sessions wait (up to a 0). */
static struct hub_user *doubt(int64_t user_id, const int64_t *sessions)
{
    struct hub_user *user = calloc(1, sizeof(*user));

    assert_non_null(user);
    user->id = user_id;
    TAILQ_INIT(&user->waiters);
    for (; *sessions != 0; sessions++) {
        struct waiter *waiter = calloc(1, sizeof(*waiter));

        assert_non_null(waiter);
        waiter->session_id = *sessions;
        TAILQ_INSERT_TAIL(&user->waiters, waiter, of_user);
        user->waiter_count++;
    }
    HASH_ADD(hh, hub.users, id, sizeof(user->id), user);
    hub_user_doubt_later(&hub, user);
    return user;
}

#define sessions(...) ((const int64_t[]){__VA_ARGS__, 0})

/* Turns the loop as long as something is ready without waiting. */
static void loop_turn(void)
{
    for (int i = 0; i < 8; i++)
        assert_true(event_base_loop(hub.base, EVLOOP_NONBLOCK) >= 0);
}

static void look(void)
{
    hub_verify_kick(hub.verify);
    loop_turn();
}

static void one_query_asks_for_everybody_in_doubt(void **state)
{
    struct hub_user *ann = doubt(ANN, sessions(7, 7, 8));
    struct hub_user *ben = doubt(BEN, sessions(9));
    struct hub_user *sure = doubt(30, sessions(1));

    (void)state;
    hub_user_trust(&hub, sure);
    look();
    assert_int_equal(fake_pg.runs, 1);
    assert_string_equal(fake_pg.params[0], "{10,10,20}");
    assert_string_equal(fake_pg.params[1], "{7,8,9}");
    assert_false(ann->unsure);
    assert_false(ben->unsure);
}

static void doubts_that_come_together_are_one_query(void **state)
{
    (void)state;
    doubt(ANN, sessions(7));
    hub_verify_kick(hub.verify);
    doubt(BEN, sessions(9));
    hub_verify_kick(hub.verify);
    loop_turn();
    assert_int_equal(fake_pg.runs, 1);
    assert_string_equal(fake_pg.params[0], "{10,20}");
}

static void without_a_doubt_nothing_is_asked(void **state)
{
    (void)state;
    look();
    assert_int_equal(fake_pg.connects, 0);
}

static void answers_go_to_the_table(void **state)
{
    static const char *const cells[] = {"10", "7", "41", "t", "a1", "20", "9", "-1", "f", "a1"};

    (void)state;
    doubt(ANN, sessions(7));
    doubt(BEN, sessions(9));
    fake_pg_answer("event_verify", 2, 5, cells);
    look();
    assert_int_equal(verified_count, 2);
    assert_int_equal(verified[0].user_id, ANN);
    assert_int_equal(verified[0].session_id, 7);
    assert_int_equal(verified[0].seq, 41);
    assert_true(verified[0].alive);
    assert_int_equal(verified[1].user_id, BEN);
    assert_int_equal(verified[1].seq, -1);
    assert_false(verified[1].alive);
    assert_string_equal(new_epoch, "");
}

static void a_new_epoch_is_noticed(void **state)
{
    static const char *const cells[] = {"10", "7", "1", "t", "b2"};

    (void)state;
    doubt(ANN, sessions(7));
    fake_pg_answer("event_verify", 1, 5, cells);
    look();
    assert_string_equal(new_epoch, "b2");
}

static void a_new_epoch_is_noticed_though_nobody_waits(void **state)
{
    static const char *const cells[] = {"0", "0", "-1", "f", "b2"};

    (void)state;
    fake_pg_answer("event_verify", 1, 5, cells);
    hub_verify_epoch(hub.verify);
    loop_turn();
    assert_int_equal(fake_pg.runs, 1);
    assert_string_equal(new_epoch, "b2");
}

static void a_doubt_during_a_look_is_the_next_looks(void **state)
{
    struct hub_user *ann = doubt(ANN, sessions(7));

    (void)state;
    fake_pg.silent = true;
    look();
    assert_false(ann->unsure);
    doubt(BEN, sessions(9));
    hub_verify_kick(hub.verify);
    loop_turn();
    fake_pg.silent = false;
    fake_pg_speak();
    loop_turn();
    assert_int_equal(fake_pg.runs, 2);
    assert_string_equal(fake_pg.params[0], "{20}");
}

static void a_doubt_about_thousands_is_many_small_looks(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 500; id++)
        doubt(id, (const int64_t[]){0}); /* nobody waits for them any more */
    for (int64_t id = 1001; id <= 2200; id++)
        doubt(id, sessions(id));
    look();
    loop_turn();
    assert_int_equal(fake_pg.runs, 3);
    assert_true(TAILQ_EMPTY(&hub.doubted));
    assert_memory_equal(fake_pg.params[0], "{2001,2002,", 11);
}

static void a_look_that_failed_leaves_everybody_in_doubt(void **state)
{
    struct hub_user *ann = doubt(ANN, sessions(7));

    (void)state;
    fake_pg.refuses = true;
    unit_stderr_begin();
    look();
    unit_stderr_end();
    assert_int_equal(verified_count, 0);
    assert_true(ann->unsure);
}

static void an_ending_hub_asks_nothing(void **state)
{
    (void)state;
    doubt(ANN, sessions(7));
    hub.ending = true;
    look();
    assert_int_equal(fake_pg.connects, 0);
}

#define verify_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        verify_test(one_query_asks_for_everybody_in_doubt),
        verify_test(doubts_that_come_together_are_one_query),
        verify_test(without_a_doubt_nothing_is_asked),
        verify_test(answers_go_to_the_table),
        verify_test(a_new_epoch_is_noticed),
        verify_test(a_new_epoch_is_noticed_though_nobody_waits),
        verify_test(a_doubt_during_a_look_is_the_next_looks),
        verify_test(a_doubt_about_thousands_is_many_small_looks),
        verify_test(a_look_that_failed_leaves_everybody_in_doubt),
        verify_test(an_ending_hub_asks_nothing),
    };

    return cmocka_run_group_tests_name("hub_verify", tests, NULL, NULL);
}
