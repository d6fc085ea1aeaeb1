/* Commands as people type them to the bot: "/mute 2h". Pure. */
#ifndef PERCH_COMMAND_H
#define PERCH_COMMAND_H

#include "common/buf.h"
#include "texts.h"

enum command_kind {
#define COMMAND(symbol, word, en, ru) COMMAND_##symbol,
#include "commands.def"
#undef COMMAND
    COMMAND_UNKNOWN, /* it looks like one, but is none of ours */
    COMMAND_NONE,    /* a text like any other */
};

enum {
    COMMAND_ARGUMENT_MAX = 100,      /* bytes; a code has 43, and Telegram's own links carry 64 */
    COMMAND_MUTE_MINUTES = 60,       /* where no time is given */
    COMMAND_MUTE_MAX = 365 * 24 * 60 /* minutes */
};

struct command {
    enum command_kind kind;
    char argument[COMMAND_ARGUMENT_MAX + 1]; /* what comes behind it; cut where it is longer */
};

/* A command is what Telegram shows as one: a slash, a word, perhaps "@<bot>", and then the end or
 * white space. One for another bot is COMMAND_UNKNOWN. `bot` is a user name without "@". */
struct command command_read(const char *text, const char *bot);

/* Minutes of "/mute <argument>": "" is COMMAND_MUTE_MINUTES, else "30", "30m", "8 h", "2d", also
 * with Russian letters; at most COMMAND_MUTE_MAX. 0: no such time. */
int command_mute_minutes(const char *argument);

/* Adds the parameters of setMyCommands, a JSON object: English ones are everybody's, the others
 * those of their language. */
void command_add_menu(struct buf *json, enum texts_locale locale);

#endif
