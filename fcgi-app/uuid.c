#include "uuid.h"

#include <ctype.h>

bool uuid_valid(const char *text)
{
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *p = pattern;
    for (; *p != '\0' && *text != '\0'; p++, text++)
        if (*p == 'x' ? !isxdigit((unsigned char)*text) : *text != '-')
            return false;
    return *p == *text;
}
