/* One HTTP request as FastCGI delivers it, from accept to reply. Everything in it lives in the
 * worker's arena. */
#ifndef PERCH_REQUEST_H
#define PERCH_REQUEST_H

#include <fcgiapp.h>
#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "handoff.h"
#include "route.h"

enum { REQUEST_PARAMS_MAX = 16, REQUEST_JSON_DEPTH = 16 };

struct worker;

struct caller {
    int64_t user_id; /* 0: nobody proved anything */
    int64_t session_id;
    bool bearer; /* by Authorization header, not by cookie */
};

struct request {
    struct worker *worker;
    FCGX_Request *fcgx;
    struct arena *arena;
    enum method method;
    const char *path;
    const struct route *route;
    int64_t path_id; /* what "{id}" or "{peer}" matched */
    int param_count;
    struct {
        const char *name;
        const char *value;
    } params[REQUEST_PARAMS_MAX];
    struct json_object *body; /* an object, or NULL where there was no body */
    const char *raw;          /* with BODY_RAW: the body instead, NUL-terminated, or NULL */
    size_t raw_length;
    size_t unread; /* bytes of the body that are still to be read */
    struct caller caller;
    char id[HANDOFF_REQUEST_ID_MAX + 1]; /* for X-Request-Id and the log */
};

void request_init(struct request *request, struct worker *worker, FCGX_Request *fcgx,
                  struct arena *arena);
void request_release(struct request *request);

/* A FastCGI parameter such as REMOTE_ADDR or HTTP_ORIGIN; NULL where it is absent. */
const char *request_env(const struct request *request, const char *name);

/* Splits and decodes the query string. ERR_BAD_PARAMETER: bad escapes, text that is not UTF-8, a
 * name given twice. */
int request_parse_query(struct request *request) __attribute__((warn_unused_result));

/* A query parameter; NULL where it is absent. */
const char *request_param(const struct request *request, const char *name);

/* A whole number from `minimum` to `maximum`; `initial` where it is absent; else ERR_BAD_PARAMETER.
 */
int request_param_int(const struct request *request, const char *name, int64_t minimum,
                      int64_t maximum, int64_t initial, int64_t *ret_number)
    __attribute__((warn_unused_result));

/* Reads and parses a body of at most `limit` bytes, JSON by its media type (or, with BODY_BEACON in
 * `limit`, plain text by it); with BODY_RAW it is not parsed. ERR_TOO_LARGE, ERR_MEDIA_TYPE,
 * ERR_BAD_JSON, ERR_INVALID (JSON, but not an object), ERR_BAD_REQUEST (shorter than announced).
 * Where the route takes none (limit 0), an empty one is fine. */
int request_read_body(struct request *request, size_t limit) __attribute__((warn_unused_result));

/* A positive integer of at most 53 bits, as we write it: digits only, the first one not 0; else
 * ERR_INVALID. */
int id_parse(const char *text, int64_t *ret_id) __attribute__((warn_unused_result));

#endif
