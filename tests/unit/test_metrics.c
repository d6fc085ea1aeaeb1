#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "notifier/metrics.h"

static char text[8192];

/* What is written, as text. */
static const char *written(const struct metrics *metrics, const struct metrics_waiting *waiting)
{
    struct buf buf = {0};

    metrics_write(&buf, metrics, waiting);
    assert_true(buf.length < sizeof(text));
    memcpy(text, buf.data, buf.length + 1);
    buf_release(&buf);
    return text;
}

/* A whole line of it. */
static void assert_line(const char *line)
{
    char between[256];

    snprintf(between, sizeof(between), "\n%s\n", line);
    if (strstr(text, between) == NULL)
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void a_notifier_that_has_done_nothing_yet_shows_every_counter_as_0(void **state)
{
    static const char *const lines[] = {
        "perch_notifier_sent_total{kind=\"message\"} 0",
        "perch_notifier_sent_total{kind=\"edit\"} 0",
        "perch_notifier_sent_total{kind=\"digest\"} 0",
        "perch_notifier_sent_total{kind=\"say\"} 0",
        "perch_notifier_sent_total{kind=\"delete\"} 0",
        "perch_notifier_failed_total{class=\"wait\"} 0",
        "perch_notifier_failed_total{class=\"token_bad\"} 0",
        "perch_notifier_failed_total{class=\"link_dead\"} 0",
        "perch_notifier_failed_total{class=\"shorten\"} 0",
        "perch_notifier_failed_total{class=\"refused\"} 0",
        "perch_notifier_failed_total{class=\"conflict\"} 0",
        "perch_notifier_failed_total{class=\"retry\"} 0",
        "perch_notifier_failed_total{class=\"unknown\"} 0",
        "perch_notifier_updates_total 0",
    };

    (void)state;
    written(&(struct metrics){0}, &(struct metrics_waiting){0});
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_line(lines[i]);
    assert_null(strstr(text, "(null)"));
}

static void what_became_of_a_request_is_counted_by_kind_or_class(void **state)
{
    struct metrics metrics = {0};

    (void)state;
    metrics_count(&metrics, METRICS_DIGEST, BOT_OK);
    metrics_count(&metrics, METRICS_DIGEST, BOT_OK);
    metrics_count(&metrics, METRICS_EDIT, BOT_UNKNOWN);
    written(&metrics, &(struct metrics_waiting){0});
    assert_line("perch_notifier_sent_total{kind=\"digest\"} 2");
    assert_line("perch_notifier_sent_total{kind=\"edit\"} 0");
    assert_line("perch_notifier_failed_total{class=\"unknown\"} 1");
}

static void who_works_is_told_apart_from_who_stands_by(void **state)
{
    (void)state;
    written(&(struct metrics){.leader = true, .ready = true}, &(struct metrics_waiting){0});
    assert_line("perch_notifier_leader 1");
    assert_line("perch_notifier_ready 1");
    assert_line("perch_notifier_token_bad 0");
    written(&(struct metrics){.token_bad = true}, &(struct metrics_waiting){0});
    assert_line("perch_notifier_leader 0");
    assert_line("perch_notifier_ready 0");
    assert_line("perch_notifier_token_bad 1");
}

static void what_waits_is_shown_with_its_age_in_seconds(void **state)
{
    const struct metrics_waiting waiting = {
        .known = true,
        .queue = 100000,
        .queue_oldest_ms = 86399007,
        .says = 3,
        .says_oldest_ms = 1500,
        .updates = 2,
        .dead = 1,
    };

    (void)state;
    written(&(struct metrics){0}, &waiting);
    assert_line("perch_notifier_database_up 1");
    assert_line("perch_notifier_queue_length 100000");
    assert_line("perch_notifier_queue_oldest_seconds 86399.007");
    assert_line("perch_notifier_says_waiting 3");
    assert_line("perch_notifier_says_oldest_seconds 1.500");
    assert_line("perch_notifier_updates_waiting 2");
    assert_line("perch_notifier_dead_letters 1");
}

static void what_nobody_knows_is_left_out(void **state)
{
    (void)state;
    written(&(struct metrics){0}, &(struct metrics_waiting){0});
    assert_line("perch_notifier_database_up 0");
    assert_null(strstr(text, "queue"));
    assert_null(strstr(text, "says_"));
    assert_null(strstr(text, "updates_waiting"));
    assert_null(strstr(text, "dead_letters"));
}

/* "# HELP name …", "# TYPE name …", then lines of that name only. */
static void every_line_stands_below_the_help_and_type_of_its_name(void **state)
{
    char name[64] = "";
    int helps = 0;
    int types = 0;
    char *rest;

    (void)state;
    written(&(struct metrics){0}, &(struct metrics_waiting){.known = true});
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (sscanf(line, "# HELP %63s", name) == 1) {
            helps++;
        } else if (line[0] == '#') {
            char kind[16];
            char typed[64];

            types++;
            assert_int_equal(sscanf(line, "# TYPE %63s %15s", typed, kind), 2);
            assert_string_equal(typed, name);
            assert_true(strcmp(kind, "gauge") == 0 || strcmp(kind, "counter") == 0);
            assert_int_equal(strcmp(kind, "counter") == 0, strstr(name, "_total") != NULL);
        } else {
            assert_int_equal(strncmp(line, name, strlen(name)), 0);
            assert_true(line[strlen(name)] == ' ' || line[strlen(name)] == '{');
        }
    }
    assert_true(helps > 10);
    assert_int_equal(helps, types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notifier_that_has_done_nothing_yet_shows_every_counter_as_0),
        cmocka_unit_test(what_became_of_a_request_is_counted_by_kind_or_class),
        cmocka_unit_test(who_works_is_told_apart_from_who_stands_by),
        cmocka_unit_test(what_waits_is_shown_with_its_age_in_seconds),
        cmocka_unit_test(what_nobody_knows_is_left_out),
        cmocka_unit_test(every_line_stands_below_the_help_and_type_of_its_name),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
