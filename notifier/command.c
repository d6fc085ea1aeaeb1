#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"

enum { COMMAND_WORD_MAX = 32 };

static const struct {
    const char *word;
    const char *help[TEXTS_LOCALES];
} commands[] = {
#define COMMAND(symbol, word, en, ru) {word, {en, ru}},
#include "commands.def"
#undef COMMAND
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char command_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* As many bytes as fit, and no half of a character. */
static void command_set_argument(struct command *command, const char *text, size_t length)
{
    if (length > COMMAND_ARGUMENT_MAX) {
        length = COMMAND_ARGUMENT_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(command->argument, text, length);
    command->argument[length] = '\0';
}

static enum command_kind command_find(const char *word, size_t length)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strlen(commands[i].word) == length && strncasecmp(word, commands[i].word, length) == 0)
            return (enum command_kind)i;
    return COMMAND_UNKNOWN;
}

struct command command_read(const char *text, const char *bot)
{
    struct command command = {.kind = COMMAND_NONE};
    const char *word = text + 1, *rest, *argument;
    size_t length, left;

    if (text[0] != '/')
        return command;
    length = strspn(word, command_letters);
    rest = word + length;
    if (length == 0 || length > COMMAND_WORD_MAX)
        return command;
    command.kind = command_find(word, length);
    if (*rest == '@') {
        size_t name = strspn(rest + 1, command_letters);

        if (strlen(bot) != name || strncasecmp(rest + 1, bot, name) != 0)
            command.kind = COMMAND_UNKNOWN;
        rest += 1 + name;
    }
    argument = rest;
    left = strlen(rest);
    utf8_trim(&argument, &left);
    if (argument == rest && *rest != '\0')
        return (struct command){.kind = COMMAND_NONE};
    command_set_argument(&command, argument, left);
    return command;
}

/* Minutes of a unit, in the form that utf8_fold() makes. */
static int command_unit(const char *unit)
{
    static const struct {
        const char *word;
        int minutes;
    } units[] = {{"", 1},   {"m", 1},  {"min", 1},  {"м", 1},   {"мин", 1},
                 {"h", 60}, {"ч", 60}, {"d", 1440}, {"д", 1440}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].word) == 0)
            return units[i].minutes;
    return 0;
}

int command_mute_minutes(const char *argument)
{
    char *folded = NULL;
    int minutes = 0;
    size_t digits;

    if (*argument == '\0')
        return COMMAND_MUTE_MINUTES;
    if (utf8_fold(argument, strlen(argument), &folded) != 0)
        return 0;
    digits = strspn(folded, "0123456789");
    if (digits >= 1 && digits <= 6) {
        long number = strtol(folded, NULL, 10);
        long unit = command_unit(folded + digits + strspn(folded + digits, " "));

        if (number * unit <= COMMAND_MUTE_MAX)
            minutes = (int)(number * unit);
    }
    free(folded);
    return minutes;
}

void command_add_menu(struct buf *json, enum texts_locale locale)
{
    buf_adds(json, "{\"commands\":[");
    for (int i = 0; i < COMMANDS; i++) {
        buf_adds(json, i > 0 ? ",{\"command\":" : "{\"command\":");
        buf_add_json(json, commands[i].word);
        buf_adds(json, ",\"description\":");
        buf_add_json(json, commands[i].help[locale]);
        buf_adds(json, "}");
    }
    buf_adds(json, locale == TEXTS_RU ? "],\"language_code\":\"ru\"}" : "]}");
}
