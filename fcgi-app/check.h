/* perch-fcgi -t and --check-sql. */
#ifndef PERCH_CHECK_H
#define PERCH_CHECK_H

#include <stdbool.h>

#include "common/conf.h"

/* Connects to PostgreSQL, which prepares every statement; with `all` also checks Redis, the key
 * file, the user, the group and the sockets' folders. Prints a line for each; 0 when all is well,
 * else 1. */
int check_main(const struct conf *conf, bool all);

#endif
