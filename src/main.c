/* main.c - the door. What can be done is in cli/cli.c. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return (int)cli_main(argc, argv);
}
