/* The master: opens the sockets, forks the children, starts another for each that ends, and serves
 * nothing itself. */
#ifndef PERCH_MASTER_H
#define PERCH_MASTER_H

#include "common/conf.h"

/* Runs until TERM or INT; the exit code of the program: 0 after a graceful end, 1 when it cannot
 * start, 2 when its children cannot. HUP executes `program` in its own place, if a look at it finds
 * nothing wrong: the sockets stay open, new children start, then the old ones end. */
int master_main(const struct conf *conf, const char *program);

#endif
