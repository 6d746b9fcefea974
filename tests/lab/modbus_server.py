"""The lab's PLC: a Modbus/TCP server with 100 holding registers.

    modbus_server.py ADDRESS PORT
"""

import sys

from pymodbus.datastore import (ModbusSequentialDataBlock, ModbusServerContext,
                                ModbusSlaveContext)
from pymodbus.server import StartTcpServer


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    registers = ModbusSequentialDataBlock(0, list(range(100)))
    plc = ModbusSlaveContext(hr=registers, zero_mode=True)
    context = ModbusServerContext(slaves=plc, single=True)
    StartTcpServer(context=context, address=(address, port))


if __name__ == "__main__":
    main()
