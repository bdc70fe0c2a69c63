/* main.c - the door. What can be done is in cli/cli.c. */
#include "cli/cli.h"
#include <sys/stat.h>

int main(int argc, char **argv)
{
    umask(077);                                   /* what it makes is its owner's alone */
    return (int)cli_main(argc, argv);
}
