// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// Trees of transparency logs (RFC 6962, SHA-256), written down once and for all. Each writer has a shelf of his own, so
/// nobody can take a log's place before it comes; who checks asks for the writer whom he knows.
contract Anchors {
    struct Tree {
        uint64 size;
        bytes32 root;
    }

    /// The log already has a larger tree here, or another one of this size.
    error Refused(uint64 size, bytes32 root);

    event Anchored(bytes32 indexed log, address indexed writer, uint64 size, bytes32 root);

    mapping(bytes32 => mapping(address => Tree)) private trees;

    /// Writes down a tree of the log whose name has this SHA-256. The same tree again changes nothing.
    function anchor(bytes32 log, uint64 size, bytes32 root) external {
        Tree storage held = trees[log][msg.sender];
        if (size == held.size && root == held.root) return;
        if (size <= held.size) revert Refused(held.size, held.root);
        held.size = size;
        held.root = root;
        emit Anchored(log, msg.sender, size, root);
    }

    /// The largest tree; of size 0 where there is none.
    function newest(bytes32 log, address writer) external view returns (uint64 size, bytes32 root) {
        Tree storage held = trees[log][writer];
        return (held.size, held.root);
    }

    /// Whether a leaf stands in the largest tree (RFC 9162, 2.1.3.2).
    function includes(bytes32 log, address writer, uint64 index, bytes32 leafHash, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        Tree storage held = trees[log][writer];
        if (index >= held.size) return false;
        uint64 first = index;
        uint64 last = held.size - 1;
        bytes32 hash = leafHash;
        for (uint256 n = 0; n < proof.length; n++) {
            if (last == 0) return false;
            if (first & 1 == 1 || first == last) {
                hash = sha256(abi.encodePacked(bytes1(0x01), proof[n], hash));
                while (first & 1 == 0 && first != 0) {
                    first >>= 1;
                    last >>= 1;
                }
            } else {
                hash = sha256(abi.encodePacked(bytes1(0x01), hash, proof[n]));
            }
            first >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == held.root;
    }
}
