/* The reply under construction. Handlers append JSON to `body`; the worker sends it. */
#ifndef PERCH_RESPONSE_H
#define PERCH_RESPONSE_H

#include <stdbool.h>

#include "common/buf.h"
#include "request.h"

struct response {
    int status;         /* 0: 200 */
    const char *type;   /* NULL: application/json */
    struct buf headers; /* complete lines, "Name: value\r\n" */
    struct buf body;
    const char *field;  /* for problems: the input at fault */
    struct buf members; /* for problems: further members, each ",\"name\":value" */
    int retry_after_s;  /* 0: none */
    bool opened;        /* headers and the body's beginning are sent already */
    bool parked;        /* the connection is the hub's now: send nothing */
};

void response_init(struct response *response);
void response_clear(struct response *response);
void response_release(struct response *response);

/* 204, no body. */
void response_empty(struct response *response);

/* Names the input at fault and returns ERR_INVALID, for `return response_invalid(...)`. */
int response_invalid(struct response *response, const char *field)
    __attribute__((warn_unused_result));

/* Turns the response into the problem document (RFC 9457) of an error, keeping headers, field and
 * members. */
void response_problem(struct response *response, int err);

/* Writes what there is to the web server, without a length, and leaves the request open: the rest
 * of the body follows with response_send(), or from the hub. ERR_GONE: nobody is listening. */
int response_open(struct response *response, struct request *request)
    __attribute__((warn_unused_result));

/* Writes it (or the rest of it) to the web server and ends the FastCGI request. ERR_GONE: nobody is
 * listening any more.
 */
int response_send(struct response *response, struct request *request)
    __attribute__((warn_unused_result));

#endif
