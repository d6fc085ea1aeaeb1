/* Reason phrases of the status codes we use (RFC 9110, section 15): nginx passes on what follows
 * "Status:" as it is. */
#ifndef PERCH_HTTP_STATUS_H
#define PERCH_HTTP_STATUS_H

/* "" for a code we never send. */
const char *http_reason(int status);

#endif
