/* Reading members of a request's body: each names the field at fault in the response when it
 * returns ERR_INVALID. */
#ifndef PERCH_FIELD_H
#define PERCH_FIELD_H

#include "request.h"
#include "response.h"

/* Is the member there (also as null)? */
bool field_present(const struct request *request, const char *name);

/* A text of minimum to maximum characters (code points); NULL where the member is absent or null,
 * unless `minimum` > 0 and `required`. The text lives as long as the request. */
int field_text(const struct request *request, struct response *response, const char *name,
               int minimum, int maximum, bool required, const char **ret_text)
    __attribute__((warn_unused_result));

/* The same after trimming white space at both ends, without control characters: names of people. */
int field_name(const struct request *request, struct response *response, const char *name,
               int maximum, bool required, const char **ret_text)
    __attribute__((warn_unused_result));

/* A positive id of at most 53 bits. */
int field_id(const struct request *request, struct response *response, const char *name,
             int64_t *ret_id) __attribute__((warn_unused_result));

/* One of a NULL-terminated list; NULL where absent. */
int field_choice(const struct request *request, struct response *response, const char *name,
                 const char *const *choices, const char **ret_text)
    __attribute__((warn_unused_result));

/* true, false, or absent (false). */
int field_flag(const struct request *request, struct response *response, const char *name,
               bool *ret_flag) __attribute__((warn_unused_result));

#endif
