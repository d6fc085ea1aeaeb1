/* The words of the command; what it does with real dead letters, tests/notifier shows. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "notifier/dead_letters.h"

static void each_reason_has_an_explanation(void **state)
{
    static const struct {
        const char *reason;
        const char *meaning;
    } cases[] = {
        {"Bad Request: message is too long", "report it"},
        {"Bad Request: can't parse entities: byte offset 7", "report it"},
        {"Bad Request: BUTTON_URL_INVALID", "PERCH_PUBLIC_URL"},
        {"Bad Request: wrong HTTP URL", "PERCH_PUBLIC_URL"},
        {"Bad Request: something nobody has seen", "mended"},
        {"", "mended"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_non_null(strstr(dead_letters_explain(cases[i].reason), cases[i].meaning));
}

static void what_is_no_command_is_answered_with_what_is(void **state)
{
    static const char *const lines[] = {
        "show",
        "redrive",
        "redrive one",
        "redrive 0",
        "redrive -1",
        "redrive 1 all",
        "list 1",
        "redrive 01",
        "redrive 1 2 x",
        "redrive 1x",
        "redrive 99999999999999999999",
    };
    const struct conf conf = {.notifier_database_url = "postgresql:///nowhere"};

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        char line[64];
        char *rest = line;
        char *words[8];
        int count = 0;

        snprintf(line, sizeof(line), "%s", lines[i]);
        while (rest != NULL)
            words[count++] = strsep(&rest, " ");
        unit_stderr_begin();
        assert_int_equal(dead_letters_main(&conf, count, words), 1);
        assert_non_null(strstr(unit_stderr_end(), "Usage: perch-notifier dead-letters"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_an_explanation),
        cmocka_unit_test(what_is_no_command_is_answered_with_what_is),
    };

    return cmocka_run_group_tests_name("dead_letters", tests, NULL, NULL);
}
