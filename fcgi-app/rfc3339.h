/* Times as clients write them (RFC 3339, section 5.6). */
#ifndef PERCH_RFC3339_H
#define PERCH_RFC3339_H

#include <stdbool.h>

/* A complete date-time with offset, "2026-11-21T04:20:42Z" or "...+03:00", whose date exists, in
 * the years 1970 to 9998. */
bool rfc3339_valid(const char *text);

#endif
