/* segmon: the subcommands and their table. */

int
main(void)
{
    return 0;
}
