/* A Telegram name as people give it: "@name" or a numeric id. A claim, not a proof. */
#ifndef PERCH_TELEGRAM_NAME_H
#define PERCH_TELEGRAM_NAME_H

#include "request.h"
#include "response.h"

/* The member "telegram": both NULL where it is absent or null; else the text ("@Name" or digits)
 * and the form in which it is unique (lower case: Telegram names are ASCII and case-insensitive).
 * ERR_INVALID: neither 4 to 32 of A-Z a-z 0-9 _, with or without "@", nor an id of at most 16
 * digits. */
int telegram_name_field(const struct request *request, struct response *response,
                        const char **ret_text, const char **ret_key)
    __attribute__((warn_unused_result));

#endif
