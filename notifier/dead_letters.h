/* perch-notifier dead-letters: what was given up, why, and a second chance for it. A command of an
 * operator, beside the notifiers that run; it blocks until PostgreSQL has answered. */
#ifndef PERCH_DEAD_LETTERS_H
#define PERCH_DEAD_LETTERS_H

struct conf;

/* `words` is what follows "dead-letters": nothing or "list", or "redrive" with ids or "all". Tells
 * on standard output, and mistakes on standard error. The exit status: 0, or 1 where something was
 * not done. */
int dead_letters_main(const struct conf *conf, int word_count, char *const *words);

/* What an operator should know of this reason ("Bad Request: …", as Telegram said it); never NULL.
 */
const char *dead_letters_explain(const char *reason);

#endif
