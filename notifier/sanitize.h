/* What strangers wrote, made harmless for a message that the bot signs.
 *
 * Names and texts may contain anything, and the recipient must see which words are the bot's. So:
 *   - A name, and a text in a digest, is one line, so it cannot begin a line as the bot does. Only
 *     the names the bot puts in are bold.
 *   - Characters that reorder or hide what is around them go: embeddings, overrides and isolates of
 *     writing direction, the deprecated formatting controls, interlinear annotations; from a name
 *     all formatting characters but those that emoji and some scripts need (joiners, tags). A name
 *     with letters that are written from right to left stands in an isolate of its own, so that it
 *     does not change the order of what follows.
 *   - Control characters become spaces, all ends of lines "\n", and not more than one empty line is
 *     left in a row, so that a text cannot push the sender's name out of sight and go on as if it
 *     were somebody else's.
 *   - "/word" is what Telegram makes a button of that sends the command to the bot: a word joiner
 *     behind the slash prevents that. A path ("/etc/passwd") and what belongs to an address with a
 *     scheme are none, and stay as they are.
 * What is left is untouched. Nothing is added for a text of which nothing visible is left.
 *
 * Input: valid UTF-8, NUL-terminated; what is malformed becomes U+FFFD. */
#ifndef PERCH_SANITIZE_H
#define PERCH_SANITIZE_H

#include <stdbool.h>

#include "common/buf.h"

/* Adds it and says true; or adds nothing, because there is nothing to see. A name is cut to
 * max_units (utf16.h), before what makes it harmless is put in. */
bool sanitize_name(struct buf *buf, const char *name, size_t max_units);
bool sanitize_line(struct buf *buf, const char *text);
bool sanitize_text(struct buf *buf, const char *text);

#endif
