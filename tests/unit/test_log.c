#include "unit.h"

#include <errno.h>
#include <regex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;
    int found;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&regex, text, 0, NULL, 0);
    regfree(&regex);
    if (found != 0)
        fail_msg("'%s' does not match '%s'", text, pattern);
}

static void line_has_time_level_name_and_pid(void **state)
{
    (void)state;
    log_open("worker", LOG_LEVEL_INFO);
    unit_stderr_begin();
    log_warn("hello %d", 42);
    assert_matches(unit_stderr_end(), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z warn "
                                      "worker\\[[0-9]+\\] hello 42\n$");
}

/* In the place of the C library's: what the log takes for now, in seconds. */
static time_t now_second;

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    if (now_second == 0)
        return (int)syscall(SYS_clock_gettime, clock, ret_time);
    *ret_time = (struct timespec){.tv_sec = now_second, .tv_nsec = 123000000};
    return 0;
}

static void every_day_has_its_date(void **state)
{
    (void)state;
    for (time_t second = 86399; second < INT64_C(5000000000); second += 86400 * 13 + 3599) {
        char wanted[64];
        struct tm parts;

        now_second = second;
        unit_stderr_begin();
        log_warn("x");
        now_second = 0;
        gmtime_r(&second, &parts);
        strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S.123Z warn", &parts);
        assert_int_equal(strncmp(unit_stderr_end(), wanted, strlen(wanted)), 0);
    }
}

static void request_id_stands_in_lines_until_it_ends(void **state)
{
    (void)state;
    log_request("3f2a");
    unit_stderr_begin();
    log_info("in");
    log_request(NULL);
    log_info("out");
    assert_matches(unit_stderr_end(), "\\] req=3f2a in\n.*\\] out\n$");
}

static void long_request_id_is_cut(void **state)
{
    char id[200];
    const char *line;

    (void)state;
    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    log_request(id);
    unit_stderr_begin();
    log_info("text");
    line = unit_stderr_end();
    log_request(NULL);
    assert_int_equal(strspn(strstr(line, "req=") + 4, "x"), 64);
}

static void levels_above_the_chosen_one_are_silent(void **state)
{
    (void)state;
    log_open("hub", LOG_LEVEL_WARN);
    unit_stderr_begin();
    log_info("no");
    log_debug("no");
    assert_string_equal(unit_stderr_end(), "");
    unit_stderr_begin();
    log_error("yes");
    assert_non_null(strstr(unit_stderr_end(), "error hub["));
    log_open("hub", LOG_LEVEL_DEBUG);
}

static void input_cannot_forge_a_line(void **state)
{
    (void)state;
    unit_stderr_begin();
    log_info("%s", "a\nb\r\x1b[31mc\x7f d\tж\xc2\x9b"
                   "31m");
    assert_matches(unit_stderr_end(), "\\] a\\?b\\?\\?\\[31mc\\? d\\?ж\\?\\?31m\n$");
}

static void long_line_is_cut_at_1024_bytes(void **state)
{
    char text[4096];
    const char *line;

    (void)state;
    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    unit_stderr_begin();
    log_info("%s", text);
    line = unit_stderr_end();
    assert_int_equal(strlen(line), 1024);
    assert_int_equal(line[1023], '\n');
}

static void errno_survives_a_log_line(void **state)
{
    (void)state;
    unit_stderr_begin();
    errno = ENOENT;
    log_info("text");
    assert_int_equal(errno, ENOENT);
    unit_stderr_end();
}

static void only_the_four_level_names_are_levels(void **state)
{
    enum log_level level = LOG_LEVEL_ERROR;

    (void)state;
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("Debug", &level), ERR_CONFIG);
    assert_int_equal(log_level_parse("", &level), ERR_CONFIG);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_time_level_name_and_pid),
        cmocka_unit_test(every_day_has_its_date),
        cmocka_unit_test(request_id_stands_in_lines_until_it_ends),
        cmocka_unit_test(long_request_id_is_cut),
        cmocka_unit_test(levels_above_the_chosen_one_are_silent),
        cmocka_unit_test(input_cannot_forge_a_line),
        cmocka_unit_test(long_line_is_cut_at_1024_bytes),
        cmocka_unit_test(errno_survives_a_log_line),
        cmocka_unit_test(only_the_four_level_names_are_levels),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
