/* A request without a web server: parameters and body are given, replies stay in the response. */
#ifndef PERCH_FAKE_REQUEST_H
#define PERCH_FAKE_REQUEST_H

#include <fcgiapp.h>

#include "common/conf.h"
#include "fcgi-app/request.h"
#include "fcgi-app/response.h"
#include "fcgi-app/worker.h"

enum { FAKE_PARAMS_MAX = 16 };

struct fake_request {
    char *params[FAKE_PARAMS_MAX + 1];
    FCGX_Stream in;
    FCGX_Request fcgx;
    struct conf conf;
    struct worker worker;
    struct arena arena;
    struct request request;
    struct response response;
};

/* Parameters as "NAME=value", up to a NULL; borrowed. Call fake_request_end() afterwards. */
void fake_request_begin(struct fake_request *fake, const char *param, ...)
    __attribute__((sentinel));

/* What request_read_body() will read; borrowed. */
void fake_request_send(struct fake_request *fake, const char *text);

/* Puts a parsed body into the request. */
void fake_request_body(struct fake_request *fake, const char *json);

void fake_request_end(struct fake_request *fake);

/* The reply's body parsed; json_object_put() it. */
struct json_object *fake_request_reply(const struct fake_request *fake);

#endif
