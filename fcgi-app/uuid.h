/* UUIDs as clients write them (RFC 9562, section 4): 8-4-4-4-12 hexadecimal digits of either case,
 * any version. */
#ifndef PERCH_UUID_H
#define PERCH_UUID_H

#include <stdbool.h>

bool uuid_valid(const char *text);

#endif
