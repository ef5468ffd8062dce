// Compiles Anchors.sol for an old EVM (paris: no PUSH0) and prints bytecode and selectors: node compile.cjs. `solc` comes from
// npm, below $URBIS_EVM/node_modules where that is set.
const fs = require('fs');
const path = require('path');
const solc = require(process.env.URBIS_EVM ? path.join(process.env.URBIS_EVM, 'node_modules/solc') : 'solc');

const content = fs.readFileSync(path.join(__dirname, 'Anchors.sol'), 'utf8');
const input = {
  language: 'Solidity',
  sources: { 'Anchors.sol': { content } },
  settings: {
    evmVersion: 'paris',
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: 'none', appendCBOR: false },
    outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.methodIdentifiers'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const wrong = (output.errors || []).filter((error) => error.severity === 'error');
if (wrong.length > 0) {
  console.error(wrong.map((error) => error.formattedMessage).join('\n'));
  process.exit(1);
}
const { evm } = output.contracts['Anchors.sol'].Anchors;
console.log(JSON.stringify({ bytecode: evm.bytecode.object, selectors: evm.methodIdentifiers }));
