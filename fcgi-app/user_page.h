/* A page of GET /users, in two steps: first what anybody would be shown, as lines that can be kept
 * (cache.h); then the reply to one caller, without themselves and with who is online now.
 *
 * A line is "<id>\t<next>\t<JSON up to online's value>\t<JSON from there on>\n", where `next` is
 * what `after` takes to go on behind this row. JSON text has no tabs and no line ends of its own.
 */
#ifndef PERCH_USER_PAGE_H
#define PERCH_USER_PAGE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/store_user.h"
#include "request.h"
#include "response.h"

/* Rows to ask for so that `limit` can be shown and it is known whether there are more, whether or
 * not the caller is among them. */
enum { USER_PAGE_SPARE = 2, USER_PAGE_MAX = STORE_PAGE_MAX + USER_PAGE_SPARE };

/* Reads `after`, NULL for the first page; ERR_BAD_PARAMETER. */
int user_page_after(struct request *request, enum store_user_sort sort, const char *text,
                    struct store_user_key *ret_key) __attribute__((warn_unused_result));

/* Appends the lines. */
void user_page_write(struct request *request, const struct store_user_page *page,
                     enum store_user_sort sort, struct buf *lines);

/* Appends the reply. False, and nothing is appended, if the lines are none: Redis may hold
 * anything. */
bool user_page_reply(struct request *request, const char *lines, int limit,
                     struct response *response) __attribute__((warn_unused_result));

#endif
