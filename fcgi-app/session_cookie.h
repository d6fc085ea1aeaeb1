/* The session cookie (RFC 6265bis): HttpOnly, SameSite=Strict, and over https Secure with the
 * __Host- prefix. */
#ifndef PERCH_SESSION_COOKIE_H
#define PERCH_SESSION_COOKIE_H

#include "request.h"
#include "response.h"

void session_cookie_set(const struct request *request, struct response *response,
                        const char *token);
void session_cookie_clear(const struct request *request, struct response *response);

/* A User-Agent header as the list of sessions keeps it: valid UTF-8 without control characters, at
 * most 200 bytes. */
const char *session_agent(const struct request *request, const char *header);

#endif
