/* What -t and --check-sql look at, before anything is told to anybody. They print a line for each
 * thing and block for some seconds at most. */
#ifndef PERCH_NOTIFIER_CHECK_H
#define PERCH_NOTIFIER_CHECK_H

#include <stdbool.h>

struct conf;

/* Does every statement fit the database? */
bool check_sql(const struct conf *conf);
/* That, and does Redis answer, and Telegram say who the bot is? */
bool check_all(const struct conf *conf);

#endif
