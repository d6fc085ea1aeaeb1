#include "unit.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "notifier/command.h"

static void assert_command(const char *text, enum command_kind kind, const char *argument)
{
    struct command command = command_read(text, "Perch_bot");

    assert_int_equal(command.kind, kind);
    assert_string_equal(command.argument, argument);
}

static void a_command_is_a_slash_and_a_word(void **state)
{
    (void)state;
    assert_command("/start", COMMAND_START, "");
    assert_command("/START", COMMAND_START, "");
    assert_command("/link", COMMAND_LINK, "");
    assert_command("/unlink", COMMAND_UNLINK, "");
    assert_command("/status", COMMAND_STATUS, "");
    assert_command("/mute", COMMAND_MUTE, "");
    assert_command("/unmute", COMMAND_UNMUTE, "");
    assert_command("/help", COMMAND_HELP, "");
    assert_command("/muet", COMMAND_UNKNOWN, "");
    assert_command("/sta", COMMAND_UNKNOWN, "");
    assert_command("/started", COMMAND_UNKNOWN, "");
}

static void what_stands_behind_it_is_its_argument(void **state)
{
    (void)state;
    assert_command("/start abc_-9", COMMAND_START, "abc_-9");
    assert_command("/link \t abc\n ", COMMAND_LINK, "abc");
    assert_command("/mute\n2 h", COMMAND_MUTE, "2 h");
    assert_command("/mute\xc2\xa0"
                   "2h",
                   COMMAND_MUTE, "2h");
}

static void a_long_argument_is_cut_between_two_characters(void **state)
{
    char text[8 + 3 * 200] = "/link ";
    struct command command;

    (void)state;
    memset(text + 6, 'x', 300);
    assert_int_equal(strlen(command_read(text, "b").argument), COMMAND_ARGUMENT_MAX);
    for (int i = 0; i < 150; i++)
        memcpy(text + 6 + 3 * i, "…", 3);
    command = command_read(text, "b");
    assert_int_equal(command.kind, COMMAND_LINK);
    assert_int_equal(strlen(command.argument), COMMAND_ARGUMENT_MAX / 3 * 3);
}

static void a_command_may_name_its_bot(void **state)
{
    (void)state;
    assert_command("/start@Perch_bot code", COMMAND_START, "code");
    assert_command("/start@perch_BOT", COMMAND_START, "");
    assert_command("/start@other_bot code", COMMAND_UNKNOWN, "code");
    assert_command("/start@", COMMAND_UNKNOWN, "");
    assert_command("/start@Perch_bo", COMMAND_UNKNOWN, "");
}

static void a_path_or_a_text_is_no_command(void **state)
{
    static const char *const texts[] = {"",
                                        "hello",
                                        " /start",
                                        "/",
                                        "/ start",
                                        "/etc/fstab",
                                        "//",
                                        "/start.",
                                        "/привет",
                                        "/start@Perch_bot!",
                                        "/a123456789012345678901234567890123"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_command(texts[i], COMMAND_NONE, "");
}

static void a_mute_is_an_hour_or_as_long_as_it_says(void **state)
{
    static const struct {
        const char *argument;
        int minutes;
    } cases[] = {{"", 60},         {"30", 30},         {"30m", 30},    {"30 min", 30},
                 {"8h", 480},      {"8 H", 480},       {"2d", 2880},   {"2ч", 120},
                 {"2 Ч", 120},     {"5мин", 5},        {"5 м", 5},     {"1д", 1440},
                 {"365d", 525600}, {"366d", 0},        {"999999d", 0}, {"1000000", 0},
                 {"0", 0},         {"0h", 0},          {"-5", 0},      {"h", 0},
                 {"2w", 0},        {"2h please", 0},   {"2.5h", 0},    {"abc", 0},
                 {"２h", 120},     {"\xe2\x80\x8b", 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(command_mute_minutes(cases[i].argument), cases[i].minutes);
}

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    assert_true(json_object_object_get_ex(object, name, &value));
    return value;
}

static void the_menu_names_every_command_in_each_language(void **state)
{
    (void)state;
    for (int locale = 0; locale < TEXTS_LOCALES; locale++) {
        struct buf json = {0};
        json_object *menu, *commands;

        command_add_menu(&json, (enum texts_locale)locale);
        menu = json_tokener_parse(json.data);
        commands = member(menu, "commands");
        assert_int_equal(json_object_array_length(commands), COMMAND_UNKNOWN);
        for (size_t i = 0; i < COMMAND_UNKNOWN; i++) {
            json_object *row = json_object_array_get_idx(commands, i);
            char text[64];

            snprintf(text, sizeof text, "/%s", json_object_get_string(member(row, "command")));
            assert_command(text, (enum command_kind)i, "");
            assert_true(json_object_get_string_len(member(row, "description")) > 0);
        }
        assert_int_equal(json_object_object_get_ex(menu, "language_code", NULL),
                         locale != TEXTS_EN);
        json_object_put(menu);
        buf_release(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_a_slash_and_a_word),
        cmocka_unit_test(what_stands_behind_it_is_its_argument),
        cmocka_unit_test(a_long_argument_is_cut_between_two_characters),
        cmocka_unit_test(a_command_may_name_its_bot),
        cmocka_unit_test(a_path_or_a_text_is_no_command),
        cmocka_unit_test(a_mute_is_an_hour_or_as_long_as_it_says),
        cmocka_unit_test(the_menu_names_every_command_in_each_language),
    };

    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
