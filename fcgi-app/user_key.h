/* Names of people in the forms the store compares. */
#ifndef PERCH_USER_KEY_H
#define PERCH_USER_KEY_H

#include "request.h"
#include "response.h"

enum { USER_DISPLAY_MAX = 64, REQUEST_TEXT_MAX = 65536 };

/* The folded form, in which names are unique. ERR_INVALID, naming `field`, when nothing is left of
 * it. */
int user_key(const struct request *request, struct response *response, const char *field,
             const char *name, const char **ret_key) __attribute__((warn_unused_result));

/* The same for a log-in: trimmed as at registration; a name that cannot exist gives a key nobody
 * has. */
int user_key_trimmed(const struct request *request, const char *name, const char **ret_key)
    __attribute__((warn_unused_result));

/* What the search for people looks in: the folded names, one a line. */
int user_search_key(const struct request *request, const char *username, const char *display_name,
                    const char **ret_key) __attribute__((warn_unused_result));

#endif
